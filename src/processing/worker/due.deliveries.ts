import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import { ClaimRepository } from '../../inbox/claim.repository.js';
import type { ClaimedDelivery, Lease } from '../../inbox/claimed-delivery.js';
import { DueRepository, type DueDelivery } from '../../inbox/due.repository.js';
import { VerificationHandlersRegistry, type Priorities } from '../handlers/verification-handlers.registry.js';

/** Deliveries that are looked at from each end of the backlog, to choose from. */
const WINDOW_ROWS = 500;
/** One in so many is claimed by its age alone. */
const FAIR_SHARE = 8;

/** Claims due deliveries: the oldest, or those first whose handlers have a priority. */
@Injectable()
export class DueDeliveries {
  /** Deliveries that were claimed since one was by its age alone. */
  private sinceOldest = 0;

  constructor(
    private readonly claims: ClaimRepository,
    private readonly due: DueRepository,
    private readonly handlers: VerificationHandlersRegistry,
    private readonly clock: Clock,
  ) {}

  async claim(lease: Lease, limit: number): Promise<readonly ClaimedDelivery[]> {
    const { byStatus, priorities } = this.handlers;
    const now = this.clock.now();
    if (!priorities) return this.claims.claim(lease, now, limit, byStatus);
    const oldest = await this.due.find(now, byStatus, 'oldest', WINDOW_ROWS);
    const newest = oldest.length < WINDOW_ROWS ? [] : await this.due.find(now, byStatus, 'newest', WINDOW_ROWS);
    const chosen = this.choose(oldest, newest, limit, priorities);
    if (chosen.length === 0) return [];
    const claimed = await this.due.claim(lease, now, chosen);
    return byPriority(claimed, priorities);
  }

  /**
   * A high priority among the newest is found behind any backlog. What lies between is found once the ends are claimed.
   */
  private choose(
    oldest: readonly DueDelivery[],
    newest: readonly DueDelivery[],
    limit: number,
    priorities: Priorities,
  ): string[] {
    this.sinceOldest += limit;
    const fair = oldest.slice(0, Math.floor(this.sinceOldest / FAIR_SHARE));
    this.sinceOldest %= FAIR_SHARE;
    const preferred = byPriority([...oldest, ...newest.toReversed()], priorities);
    return [...new Set([...fair, ...preferred].map(({ id }) => id))].slice(0, limit);
  }
}

/** Returns those with the best priority first, in their order otherwise. */
function byPriority<D extends Pick<DueDelivery, 'status'>>(deliveries: readonly D[], priorities: Priorities): D[] {
  const priorityOf = ({ status }: D): number => priorities.get(status) ?? Infinity;
  return deliveries.toSorted((a, b) => priorityOf(a) - priorityOf(b) || 0); // two without one differ by NaN
}
