import { Inject, Injectable } from '@nestjs/common';
import type { ListedDelivery } from '../../operations/inbox.search.js';
import type { DeliverySummary } from '../../operations/delivery.view.js';
import type { RejectionSummary } from '../../operations/rejection.view.js';
import type { Action } from '../../operations/actions.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import type { ActionRow } from './contract/actions.js';
import type { Link } from './contract/common.js';
import type { DeliveryRow } from './contract/deliveries.js';
import type { RejectionRow } from './contract/rejections.js';

/** Addresses that a page may link to. */
const SAFE_ADDRESS = /^(https?:\/\/|\/(?!\/)|\.{0,2}\/|[?#])/i;

/** Makes the rows of the contract. */
@Injectable()
export class Rows {
  constructor(
    @Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'maskReferences' | 'links'>,
  ) {}

  /** Returns the row of a list. */
  delivery(listed: ListedDelivery): DeliveryRow {
    const row = this.openDelivery(listed);
    return this.settings.maskReferences ? { ...row, sessionId: null, reference: null } : row;
  }

  /** Returns the row of a list. */
  rejection(summary: RejectionSummary): RejectionRow {
    const row = this.openRejection(summary);
    return this.settings.maskReferences ? { ...row, sessionId: null } : row;
  }

  /** Returns a row with its session and its reference, as the detail shows them. */
  openDelivery({ summary, failure }: ListedDelivery): DeliveryRow {
    return { ...factsOf(summary), ...stateOf(summary), failure };
  }

  /** Returns a row with its session, as the detail shows it. */
  openRejection(summary: RejectionSummary): RejectionRow {
    const { id, reason, state, tenant, sessionId, detail, repeats, firstReceivedAt, lastReceivedAt } = summary;
    return { id, reason, state, tenant, sessionId, detail, repeats, firstReceivedAt, lastReceivedAt };
  }

  /** Returns the links of the host. One that is unsafe, or throws, is left out. */
  linksOf(row: DeliveryRow | RejectionRow): Link[] {
    return this.settings.links.flatMap(({ label, href }) => {
      const address = hrefOf(href, row);
      return typeof address === 'string' && SAFE_ADDRESS.test(address) ? [{ label, href: address }] : [];
    });
  }
}

export function toAction(action: Action): ActionRow {
  const { id, actedAt: at, operator, source, targetId, tenant, handlers, reason, bulkId } = action;
  return { id, at, operator, source, action: action.action, targetId, tenant, handlers, reason, bulkId };
}

function hrefOf(href: DashboardSettings['links'][number]['href'], row: DeliveryRow | RejectionRow): unknown {
  try {
    return href(row);
  } catch {
    return undefined;
  }
}

function factsOf(summary: DeliverySummary) {
  const { id, tenant, sessionId, status, platformId, externalReferenceId: reference, contents } = summary;
  const { duplicates, lastDuplicateAt, receivedAt } = summary;
  return { id, tenant, sessionId, status, platformId, reference, contents, duplicates, lastDuplicateAt, receivedAt };
}

function stateOf(summary: DeliverySummary) {
  const { state, reason, dispatches, rescues, replays, finishedAt, nextAttemptAt, leaseOwner, leaseExpiresAt } =
    summary;
  const lease =
    leaseOwner !== null && leaseExpiresAt !== null ? { instance: leaseOwner, expiresAt: leaseExpiresAt } : null;
  return { state, reason, dispatches, rescues, replays, finishedAt, nextAttemptAt, lease };
}
