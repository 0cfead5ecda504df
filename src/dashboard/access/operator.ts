import type { Permission } from '../api/contract/common.js';
import { forbidden } from '../api/dashboard.exception.js';

/**
 * Person who is let in, as `identify` returns it.
 *
 * @publicApi
 */
export interface Operator {
  /** Identifies the person in the record of actions: up to 255 characters. */
  id: string;
  /** Name to show. @default the id */
  name?: string;
  /** What the person may do. */
  can: 'everything' | readonly Permission[];
  /** Only deliveries and rejections of these tenants. @default those of every tenant */
  tenants?: readonly string[];
}

/** Every permission, in the order in which they are listed. */
export const PERMISSIONS = {
  look: true,
  reveal: true,
  replay: true,
  discard: true,
  decide: true,
  bulk: true,
} satisfies Record<Permission, true>;

export const ALL_PERMISSIONS = Object.keys(PERMISSIONS) as Permission[];

const MAX_ID_LENGTH = 255;
/** Where the guard puts the operator. It is a symbol, so that nothing of the host sets it by accident. */
const OPERATOR = Symbol('cr3dentials-webhook operator');

/** Tells whether what a host has returned is an operator whose acts can be recorded. */
export function isOperator(value: unknown): value is Operator {
  const { id, name, can, tenants } = Object(value) as Partial<Record<keyof Operator, unknown>>;
  return (
    isText(id) &&
    (name === undefined || typeof name === 'string') &&
    (can === 'everything' || (Array.isArray(can) && can.every((one) => Object.hasOwn(PERMISSIONS, String(one))))) &&
    (tenants === undefined || (Array.isArray(tenants) && tenants.every((tenant) => typeof tenant === 'string')))
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID_LENGTH && !value.includes('\0');
}

export function letIn(request: object, operator: Operator): void {
  Reflect.set(request, OPERATOR, operator);
}

/**
 * Returns the operator whom the guard has let in.
 *
 * @throws DashboardException 403 if there is none: a route that has lost its guard cannot answer
 */
export function operatorOf(request: object): Operator {
  const operator = Reflect.get(request, OPERATOR) as Operator | undefined;
  if (!operator) throw forbidden('Nobody was let in. This route has no guard.');
  return operator;
}

export function may({ can }: Operator, permission: Permission): boolean {
  return can === 'everything' || can.includes(permission);
}

/** Returns who acts, for the record of actions. */
export function actingOf({ id }: Operator, reason: string | undefined) {
  return { by: id, source: 'page', ...(reason && { reason }) } as const;
}
