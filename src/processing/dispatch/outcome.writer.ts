import { Injectable } from '@nestjs/common';
import { BatchWindow } from '../../concurrency/batch.window.js';
import { Clock } from '../../clock.js';
import { toOccurrenceError } from '../../database/database.errors.js';
import { SettlementRepository, type Settlement } from '../../inbox/settlement.repository.js';
import type { OccurrenceError } from '../../instrumentation/occurrences.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';
import type { HeldClaim } from './held-claim.js';

const BATCH_WINDOW_MS = 10;
const MAX_ROWS = 100;

type HeldSettlement = Settlement & { readonly claim: HeldClaim };

interface Waiting {
  readonly settlement: HeldSettlement;
  resolve(isSettled: Promise<boolean> | boolean): void;
}

/**
 * Collects the outcomes of attempts for 10 ms and writes them in one transaction: what fails together, such as in an
 * outage of something that the handlers call, costs no transaction each.
 */
@Injectable()
export class OutcomeWriter {
  private readonly window = new BatchWindow<Waiting>(BATCH_WINDOW_MS, MAX_ROWS, (batch) => this.write(batch));

  constructor(
    private readonly repository: SettlementRepository,
    private readonly clock: Clock,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /**
   * Resolves once the outcome and its runs are durable, to true; to false if another claim has the delivery. Rejects if
   * they could not be written.
   */
  settle(settlement: HeldSettlement): Promise<boolean> {
    return new Promise((resolve) => this.window.add({ settlement, resolve }));
  }

  /** Writes an outcome alone that cannot be written with the others, because somebody has locked it for example. */
  private async write(batch: readonly Waiting[]): Promise<void> {
    const settled = batch.length > 1 ? await this.settleTogether(batch) : new Set<Settlement>();
    for (const { settlement, resolve } of batch) {
      if (settled.has(settlement)) resolve(true);
      else resolve(this.settleAlone(settlement));
    }
  }

  private async settleTogether(batch: readonly Waiting[]): Promise<Set<Settlement>> {
    const begunAt = performance.now();
    const settlements = batch.map(({ settlement }) => settlement);
    try {
      const settled = await this.repository.settleTogether(settlements, this.clock.now());
      this.follow(
        settlements.filter((settlement) => settled.has(settlement)),
        begunAt,
      );
      return settled;
    } catch {
      return new Set(); // each then meets the error by itself, or only its cause
    }
  }

  private async settleAlone(settlement: HeldSettlement): Promise<boolean> {
    const begunAt = performance.now();
    try {
      const isSettled = await this.repository.settle(settlement, this.clock.now());
      this.follow([settlement], begunAt);
      return isSettled;
    } catch (error) {
      this.follow([settlement], begunAt, toOccurrenceError(error));
      throw error;
    }
  }

  private follow(settlements: readonly HeldSettlement[], begunAt: number, error?: OccurrenceError): void {
    const claims = settlements.map(({ claim }) => claim);
    this.telemetry.batch('settle', claims, begunAt, error);
  }
}
