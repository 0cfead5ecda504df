import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { describeFailure } from '../inbox/failures.js';
import { HandlerRunRepository } from '../inbox/handler-run.repository.js';
import { InboxConnection } from '../inbox/inbox.connection.js';
import { InboxRepository } from '../inbox/inbox.repository.js';
import { CompletionWriter } from './completion.writer.js';
import type { Outcome } from './delivery.dispatcher.js';
import type { Held } from './hand.js';
import type { Interruption } from './interruption.js';
import { LeaseKeeper } from './lease.keeper.js';

const AFTER_FAILURE = 500;

/** Writes what processing came to, as long as the delivery is this worker's. */
@Injectable()
export class DeliverySettler {
  private readonly logger = new Logger('Cr3dentialsWebhook');

  constructor(
    private readonly connection: InboxConnection,
    private readonly repository: InboxRepository,
    private readonly runs: HandlerRunRepository,
    private readonly completions: CompletionWriter,
    private readonly keeper: LeaseKeeper,
    private readonly clock: Clock,
  ) {}

  /** Resolves once it is durable; or given up, because another worker has the delivery or will take it over. */
  async settle(held: Held, outcome: Outcome): Promise<void> {
    const { id } = held.delivery;
    const { interruption } = held;
    switch (outcome.outcome) {
      case 'completed':
      case 'unhandled':
        return this.completions.finish(id, outcome.outcome, () => !interruption.hasCome);
      case 'untouched':
        return this.persist(interruption, () => this.release([id]));
      case 'settled':
        return this.persist(interruption, () => this.write(id, outcome));
      default:
        return outcome satisfies never;
    }
  }

  release(ids: readonly string[]): Promise<void> {
    return this.repository.release(ids, this.keeper.owner, this.clock.now());
  }

  private async write(id: string, { next, runs }: Extract<Outcome, { outcome: 'settled' }>): Promise<void> {
    await this.connection.transaction(async (run) => {
      if (await this.repository.settle(run, id, this.keeper.owner, next, this.clock.now()))
        await this.runs.remember(run, runs);
      else this.logger.warn(`Delivery ${id} had been taken over before it was settled; its handlers run again.`);
    });
  }

  /** Tries at least once, and again until it is interrupted. */
  private async persist(interruption: Interruption, write: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        this.logger.warn(`What became of a delivery could not be written: ${describeFailure(error)}`);
        if (interruption.hasCome) return;
        await sleep(AFTER_FAILURE);
      }
    }
  }
}
