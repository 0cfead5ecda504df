import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { describeFailure } from '../inbox/failures.js';
import { InboxRepository } from '../inbox/inbox.repository.js';
import { LeaseKeeper } from './lease.keeper.js';

const GATHERING = 10;
const AFTER_FAILURE = 500;
const MAX_ROWS = 1_000;

type FinalState = 'completed' | 'unhandled';

interface Finished {
  readonly id: string;
  readonly state: FinalState;
  readonly isStillHeld: () => boolean;
  readonly done: () => void;
}

/** Gathers the ends of deliveries for a few milliseconds and writes them with one update. */
@Injectable()
export class CompletionWriter {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private waiting: Finished[] = [];
  private writing?: Promise<void>;

  constructor(
    private readonly repository: InboxRepository,
    private readonly keeper: LeaseKeeper,
    private readonly clock: Clock,
  ) {}

  /** Resolves once it is durable, or another worker has the delivery. */
  finish(id: string, state: FinalState, isStillHeld: () => boolean): Promise<void> {
    return new Promise((done) => {
      this.waiting.push({ id, state, isStillHeld, done });
      this.writing ??= this.writeAll().finally(() => {
        this.writing = undefined;
      });
    });
  }

  private async writeAll(): Promise<void> {
    while (this.waiting.length > 0) {
      await sleep(GATHERING);
      const batch = this.waiting.splice(0, MAX_ROWS);
      try {
        await this.write(batch, 'completed');
        await this.write(batch, 'unhandled');
        for (const { done } of batch) done();
      } catch (error) {
        this.logger.warn(`${batch.length} completions could not be written, trying again: ${describeFailure(error)}`);
        await sleep(AFTER_FAILURE);
        for (const finished of batch) {
          if (finished.isStillHeld()) this.waiting.push(finished);
          else finished.done();
        }
      }
    }
  }

  private async write(batch: readonly Finished[], state: FinalState): Promise<void> {
    const ids = batch.filter((finished) => finished.state === state).map(({ id }) => id);
    if (ids.length === 0) return;
    const written = await this.repository.finish(ids, this.keeper.owner, state, this.clock.now());
    if (written < ids.length) {
      this.logger.warn(
        `${ids.length - written} deliveries had been taken over before they were ${state}; their handlers run again.`,
      );
    }
  }
}
