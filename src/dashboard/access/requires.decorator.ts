import type { Permission } from '../api/contract/common.js';

/** What a route demands. */
export interface Demand {
  readonly permission: Permission;
  /** True if it shows what belongs to all tenants, so that an operator of some must not see it. */
  readonly isOfAllTenants: boolean;
}

const DEMAND = Symbol('cr3dentials-webhook demand');

/** Declares the permission that a route demands. A route without one stops the boot. */
export function Requires(permission: Permission, { isOfAllTenants = false } = {}): MethodDecorator {
  return (_, __, descriptor) => {
    Reflect.defineMetadata(DEMAND, { permission, isOfAllTenants } satisfies Demand, descriptor.value as object);
  };
}

export function demandOf(handler: object): Demand | undefined {
  return Reflect.getMetadata(DEMAND, handler) as Demand | undefined;
}
