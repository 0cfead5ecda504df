import type { Operator } from '../access/operator.js';

/**
 * Returns the tenants that a request is about: those of the operator, or the one that is asked for if the operator may
 * see it. Undefined are all, and none are none.
 */
export function visibleTenants({ tenants }: Operator, asked: string | undefined): readonly string[] | undefined {
  if (asked === undefined) return tenants;
  return tenants && !tenants.includes(asked) ? [] : [asked];
}
