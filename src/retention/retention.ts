import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { TaskRepository } from '../inbox/task.repository.js';
import { RETENTION_SETTINGS, type RetentionSettings } from './retention.options.js';
import { RetentionRepository, type Removal } from './retention.repository.js';
import { RetentionRunner, type RetentionProgress, type RetentionResult } from './retention.runner.js';

/**
 * State of the retention of all instances together. All times are epoch milliseconds of the database's clock.
 *
 * @publicApi
 */
export interface RetentionStatus {
  /** Time when a run last came to its end; null if none has. */
  readonly lastSuccessAt: number | null;
  /** Number of runs that have failed since. */
  readonly failures: number;
}

/**
 * Operator's API of retention.
 *
 * @publicApi
 */
@Injectable()
export class Retention {
  constructor(
    @Inject(RETENTION_SETTINGS) private readonly settings: RetentionSettings,
    private readonly repository: RetentionRepository,
    private readonly runner: RetentionRunner,
    private readonly tasks: TaskRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Removes what is due now, as the options say. Resolves to what was removed, or to `'busy'` while an instance does.
   */
  run(): Promise<RetentionResult | 'busy'> {
    return this.runner.run();
  }

  /** Counts what `run()` would remove, and removes nothing. */
  async preview(): Promise<RetentionResult> {
    const { payload, undecided, deliveries, rejections, tombstones } = this.settings;
    const now = this.clock.now();
    const count = (removal: Removal, period: number | undefined) =>
      period === undefined ? 0 : this.repository.countDue(removal, now - period);
    const countRejections = (state: 'open' | 'accepted' | 'discarded', period: number | undefined) =>
      period === undefined ? 0 : this.repository.countRejections(state, now - period);
    return {
      purged: (await count('purge', payload)) + (await count('purgeUndecided', undecided)),
      pruned: (await count('prune', deliveries)) + (await count('pruneTombstones', tombstones)),
      rejections:
        (await countRejections('accepted', rejections)) +
        (await countRejections('discarded', rejections)) +
        (await countRejections('open', undecided)),
    };
  }

  /** Tells when it last succeeded. */
  async status(): Promise<RetentionStatus> {
    const progress = await this.tasks.progressOf('retention');
    const { lastSuccessAt = null, failures = 0 } = progress ? (JSON.parse(progress) as RetentionProgress) : {};
    return { lastSuccessAt, failures };
  }
}
