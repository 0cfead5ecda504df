import { complaintsOf } from '../requests/complaints.js';
import type { Results } from './results.js';

/** Of everything that was measured, what is not to be trusted. */
export function complaints({ requests = [], control, growth }: Results): string[] {
  return [
    ...(control && complaintsOf(control).length < 2 ? ['the contender that loses deliveries was not found out'] : []),
    ...requests.flatMap((run) =>
      complaintsOf(run).map((what) => `${run.contender}, ${run.connections} connections: ${what}`),
    ),
    ...(growth?.purge.some(({ isPurging, purged }) => isPurging && purged === 0) ? ['the purge removed nothing'] : []),
    ...(growth && growth.burst.missing + growth.burst.unhandled > 0 ? ['the burst: deliveries were lost'] : []),
  ];
}
