import type { BulkSelection } from '../../operations/bulk.view.js';
import type { Operator } from '../access/operator.js';
import type { DeathReason } from '../../inbox/delivery-state.entity.js';
import { DEATH_REASONS } from '../../inbox/selection.checks.js';
import { BodyParser } from './body.parser.js';
import type { BulkConditions } from './contract/bulk.js';
import { verificationStatuses } from '../../contract/verification-status.js';
import { MAX_MOMENT_MS } from '../../option.checks.js';
import { invalidBody, notFound } from './dashboard.exception.js';

const FIELDS = ['state', 'status', 'platformId', 'reason', 'tenant', 'handler', 'error', 'from', 'to'];
const STATES = ['pending', 'completed', 'dead', 'unhandled', 'discarded'] as const;
const REASONS = Object.keys(DEATH_REASONS) as DeathReason[];

/** @throws DashboardException 400 */
export function bulkConditionsIn(given: Readonly<Record<string, unknown>>): BulkConditions {
  const parser = new BodyParser(given, FIELDS);
  const conditions = {
    status: given.status === undefined ? undefined : parser.oneOf('status', verificationStatuses),
    platformId: parser.optionalNumber('platformId', -Number.MAX_VALUE, Number.MAX_VALUE),
    reason: given.reason === undefined ? undefined : parser.oneOf('reason', REASONS),
    tenant: parser.tenant('tenant'),
    handler: parser.optionalText('handler', { to: 255 }),
    error: parser.optionalText('error', { to: 100 }),
    from: parser.optionalNumber('from', 0, MAX_MOMENT_MS),
    to: parser.optionalNumber('to', 0, MAX_MOMENT_MS),
  };
  const known = Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== undefined));
  return { state: parser.oneOf('state', STATES), ...known };
}

/**
 * Returns the deliveries of these conditions that the operator may see.
 *
 * @throws DashboardException
 */
export function selectionOf({ from, to, ...conditions }: BulkConditions, { tenants }: Operator): BulkSelection {
  if ((from === undefined) !== (to === undefined)) throw invalidBody('"from" and "to" go together.');
  const [only] = tenants?.length === 1 ? tenants : [];
  const tenant = conditions.tenant ?? only;
  if (tenants && tenant === undefined) throw invalidBody('Name the "tenant" in the conditions: you may see several.');
  if (tenants && tenant !== undefined && !tenants.includes(tenant)) throw notFound('There is no such tenant.');
  return {
    ...conditions,
    ...(tenant !== undefined && { tenant }),
    ...(from !== undefined && to !== undefined && { receivedBetween: [from, to] as const }),
  };
}
