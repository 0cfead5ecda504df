import { Injectable } from '@nestjs/common';
import { BatchWindow } from '../../concurrency/batch.window.js';
import { Clock } from '../../clock.js';
import { SettlementRepository, type Settlement } from '../../inbox/settlement.repository.js';

const BATCH_WINDOW_MS = 10;
const MAX_ROWS = 100;

interface Waiting {
  readonly settlement: Settlement;
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
  ) {}

  /**
   * Resolves once the outcome and its runs are durable, to true; to false if another claim has the delivery. Rejects if
   * they could not be written.
   */
  settle(settlement: Settlement): Promise<boolean> {
    return new Promise((resolve) => this.window.add({ settlement, resolve }));
  }

  /** What cannot be written with the others, such as what somebody has locked, is written alone. */
  private async write(batch: readonly Waiting[]): Promise<void> {
    const settled = batch.length > 1 ? await this.settleTogether(batch) : new Set<Settlement>();
    for (const { settlement, resolve } of batch) {
      if (settled.has(settlement)) resolve(true);
      else resolve(this.repository.settle(settlement, this.clock.now()));
    }
  }

  private async settleTogether(batch: readonly Waiting[]): Promise<Set<Settlement>> {
    const settlements = batch.map(({ settlement }) => settlement);
    try {
      return await this.repository.settleTogether(settlements, this.clock.now());
    } catch {
      return new Set(); // each then meets the error by itself, or only its cause
    }
  }
}
