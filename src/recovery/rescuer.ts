import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import { InboxRepository } from '../inbox/inbox.repository.js';
import type { ClaimedDelivery, Lease } from '../inbox/recording.js';
import type { Hand } from '../processing/hand.js';

/** Takes over what a dead worker left behind. What may have killed it is tried again alone, and at last buried. */
@Injectable()
export class Rescuer {
  private readonly logger = new Logger('Cr3dentialsWebhook');

  constructor(
    private readonly repository: InboxRepository,
    private readonly clock: Clock,
  ) {}

  async rescue(hand: Hand, lease: Lease, room: number): Promise<ClaimedDelivery[]> {
    const now = this.clock.now();
    const buried = await this.repository.buryCrashLoops(now, hand.ids);
    if (buried > 0)
      this.logger.error(`${buried} deliveries have killed their worker three times and are dead (crash-loop).`);
    if (room === 0) return [];
    const rescued = await this.repository.takeOver(lease, now, room, hand.ids, false);
    const suspects =
      hand.holdsSuspect || rescued.length === room ? [] : await this.repository.takeOver(lease, now, 1, hand.ids, true);
    const all = [...rescued, ...suspects];
    if (all.length > 0) this.logger.warn(`Took over ${all.length} deliveries whose worker has not renewed its lease.`);
    return all;
  }
}
