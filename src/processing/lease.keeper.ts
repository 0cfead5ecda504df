import { Inject, Injectable, Logger } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';
import { Clock } from '../clock.js';
import { SETTINGS } from '../cr3dentials-webhook.tokens.js';
import type { Settings } from '../cr3dentials-webhook.options.js';
import { within } from '../deadline.js';
import { DatabaseClock } from '../inbox/database.clock.js';
import { describeFailure } from '../inbox/failures.js';
import { InboxConnection } from '../inbox/inbox.connection.js';
import { InboxRepository } from '../inbox/inbox.repository.js';
import type { Lease } from '../inbox/recording.js';
import type { Hand } from './hand.js';

/**
 * Renews the leases of what is in hand, naming each: a row whose insert landed late must not be kept alive by a worker
 * that does not know it. What it cannot renew in time it lets go, before another worker may begin with it.
 */
@Injectable()
export class LeaseKeeper {
  /** Who this worker is; a new one at every start. */
  readonly owner = uuidv7();
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private readonly duration: number;
  private timer?: NodeJS.Timeout;
  private stopped = false;

  constructor(
    private readonly connection: InboxConnection,
    private readonly repository: InboxRepository,
    private readonly databaseClock: DatabaseClock,
    private readonly clock: Clock,
    @Inject(SETTINGS) { lease }: Settings,
  ) {
    this.duration = lease.duration;
  }

  lease(): Lease {
    return { owner: this.owner, expiresAt: this.clock.now() + this.duration };
  }

  keep(hand: Hand, after = this.duration / 3): void {
    if (this.stopped) return;
    this.connection.afterRollback = () => this.ask(hand).catch(() => {}); // the next renewal is not far
    this.timer = setTimeout(() => void this.renew(hand), after);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async renew(hand: Hand): Promise<void> {
    const patience = this.duration / 6;
    let nextIn = this.duration / 3;
    try {
      const late = () => new Error(`The database did not answer within ${patience} ms.`);
      await within(patience, this.ask(hand), late);
    } catch (error) {
      this.logger.warn(`Leases could not be renewed: ${describeFailure(error)}`);
      nextIn = this.duration / 10; // there is time for another try, or two
    }
    const nextAnswerAt = this.clock.now() + nextIn + patience;
    const lost = hand.lose(({ leaseExpiresAt }) => leaseExpiresAt <= nextAnswerAt);
    if (lost > 0) this.logger.warn(`The leases of ${lost} deliveries were lost; another worker takes them over.`);
    this.keep(hand, nextIn);
  }

  private async ask(hand: Hand): Promise<void> {
    const { ids } = hand;
    await this.databaseClock.measure();
    if (ids.length === 0) return;
    const lease = this.lease();
    const mine = await this.repository.renew(lease, ids);
    hand.extend(mine, lease);
    const asked = new Set(ids);
    const lost = hand.lose(({ delivery: { id } }) => asked.has(id) && !mine.has(id));
    if (lost > 0) this.logger.warn(`The leases of ${lost} deliveries were lost: another worker has taken them over.`);
  }
}
