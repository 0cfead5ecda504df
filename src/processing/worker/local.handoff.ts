import { Injectable } from '@nestjs/common';
import type { ClaimedDelivery, Lease } from '../../inbox/claimed-delivery.js';
import type { DeliveryHandoff } from '../../inbox/delivery.handoff.js';
import { NotificationChannel } from '../../database/notification.channel.js';
import { DeliveryPoller } from './delivery.poller.js';
import { DeliveryPool } from './delivery.pool.js';
import { LeaseRenewer } from './lease.renewer.js';

/** Submits deliveries that this instance has recorded to its own worker. */
@Injectable()
export class LocalHandoff implements DeliveryHandoff {
  constructor(
    private readonly pool: DeliveryPool,
    private readonly poller: DeliveryPoller,
    private readonly renewer: LeaseRenewer,
    private readonly channel: NotificationChannel,
  ) {}

  reserve(wanted: number): { capacity: number; lease: Lease } {
    return { capacity: this.pool.reserve(wanted), lease: this.renewer.newLease() };
  }

  release(capacity: number): void {
    this.pool.release(capacity);
  }

  abandon(ids: readonly string[], lease: Lease): void {
    this.pool.release(ids.length);
    this.poller.releaseLater(
      ids.map((id) => ({ id, claimId: lease.claimId })),
      lease.expiresAt,
    );
  }

  submit(delivery: ClaimedDelivery, lease: Lease): void {
    this.pool.submit(delivery, lease);
  }

  notify(): void {
    this.poller.notify();
    this.channel.send();
  }
}
