import { isDeepStrictEqual } from 'node:util';
import type { VerificationStatus } from '../../contract/verification-status.js';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { optionsAmong, type HandlerOptions } from './handler.options.js';
import { subscriptionsOn, type Subscription } from './on-verification.decorator.js';
import { eventClasses } from './verification.event.js';

/** A method with `@OnVerification`. Decorators with the same id are one subscription. */
export interface SubscribedMethod {
  readonly method: string | symbol;
  readonly className: string;
  /** Class that has the method, which may inherit it. */
  readonly owner: object | undefined;
  readonly id: string;
  readonly isDefaultId: boolean;
  readonly transactional: boolean;
  readonly statuses: ReadonlySet<VerificationStatus>;
  readonly options: HandlerOptions;
}

/**
 * Returns the subscribed methods of a class, with the inherited ones. A subclass that overrides a method stays
 * subscribed, unless it has a decorator of its own there.
 *
 * @throws Cr3dentialsWebhookError `HANDLER_INVALID` for a subscription that would never be called
 */
export function subscribedMethods(prototype: object): SubscribedMethod[] {
  const owner = classOf(prototype);
  const className = owner?.name ?? '';
  const methods = new Map<string | symbol, Map<string, SubscribedMethod>>();
  for (const level of chainOf(prototype)) {
    refuseStatic(level);
    const here = new Map<string | symbol, Map<string, SubscribedMethod>>();
    for (const subscription of subscriptionsOn(level)) {
      const ofMethod = here.get(subscription.method) ?? new Map<string, SubscribedMethod>();
      here.set(subscription.method, ofMethod);
      const { id, transactional, ...rest } = subscribed(className, subscription);
      const key = `${transactional} ${id}`;
      const same = ofMethod.get(key);
      if (same && !isDeepStrictEqual(same.options, rest.options)) throw differentOptions(id);
      const statuses = new Set([...(same?.statuses ?? []), ...rest.statuses]);
      ofMethod.set(key, { ...rest, owner, id, transactional, statuses });
    }
    for (const [method, ofMethod] of here) if (!methods.has(method)) methods.set(method, ofMethod);
  }
  return [...methods.values()].flatMap((ofMethod) => [...ofMethod.values()]);
}

function subscribed(className: string, { method, classes, options }: Subscription): Omit<SubscribedMethod, 'owner'> {
  const name = `${className}.${String(method)}`;
  const ownOptions = optionsAmong(options, name);
  const { id, transactional = false } = options;
  const statuses = classes.map((eventClass) => {
    const [status] = Object.entries(eventClasses).find(([, one]) => one === eventClass) ?? [];
    if (status === undefined) throw unknownClass(name, eventClass.name);
    return status as VerificationStatus;
  });
  if (transactional && id === undefined) throw unnamed(name);
  return {
    method,
    className,
    id: id ?? name,
    isDefaultId: id === undefined,
    transactional,
    statuses: new Set(statuses),
    options: ownOptions,
  };
}

/** Yields the prototype and those that it inherits from. */
function* chainOf(prototype: object): Generator<object> {
  for (let level: object | null = prototype; level; level = Object.getPrototypeOf(level) as object | null) yield level;
}

function classOf(prototype: object): { readonly name: string } | undefined {
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof constructor === 'function' ? constructor : undefined;
}

function refuseStatic(prototype: object): void {
  const owner = classOf(prototype);
  const [first] = owner ? subscriptionsOn(owner) : [];
  if (!owner || !first) return;
  throw new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `${owner.name}.${String(first.method)} is static, so it would never be called. Remove "static".`,
  );
}

function unnamed(method: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `${method} is transactional and has no id. Under another name of its class, its effect would take place once more. Name it: @OnVerification(…, { id: '…', transactional: true }).`,
  );
}

function differentOptions(id: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `Two decorators of the handler "${id}" give it different options. Give both the same, or give each its own id.`,
  );
}

function unknownClass(method: string, eventClass: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `${method} is subscribed to the class "${eventClass}", of which there are no events. Import the event class from this copy of the package, and do not extend it.`,
  );
}
