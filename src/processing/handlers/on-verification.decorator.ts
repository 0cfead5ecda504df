import { SetMetadata } from '@nestjs/common';
import { eventClasses, type VerificationEvent, type VerificationEventClass } from './verification.event.js';
import type { HandlerContext } from './handler.context.js';

/** @publicApi */
export interface OnVerificationOptions {
  /**
   * The handler's stable id, under which its attempts are remembered: renaming it makes it a new handler.
   *
   * @default 'ClassName.methodName'
   */
  id?: string;
  /** Runs the handler in a transaction with `context.manager`, which commits with its completion. @default false */
  transactional?: boolean;
}

/** What the decorator writes and the explorer reads. */
export interface Subscription extends OnVerificationOptions {
  readonly classes: readonly VerificationEventClass[];
}

/** A name of our own rather than a generated key: it is the same in every copy of this module. */
export const SUBSCRIPTION = 'cr3dentials-webhook:on-verification';

/** Of the class's status, with data that fits whatever type the host gives to `extractedData`. */
type EventOf<C extends VerificationEventClass> = Extract<
  VerificationEvent<never>,
  { status: InstanceType<C>['status'] }
>;

type Handler<E> = (event: E, context: HandlerContext) => unknown;

/** Refuses to compile on a method whose parameter does not fit the classes. */
type HandlerDecorator<E> = <H extends Handler<E>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<H>,
) => void;

/**
 * Subscribes a provider's or controller's method to verification events; without a class, to all of them. It is called
 * at least once for every acknowledged delivery: exactly once per session for what it writes with the manager of
 * `{ transactional: true }`. Guards and interceptors of the host do not run around it.
 *
 * @publicApi
 */
export function OnVerification(options?: OnVerificationOptions): HandlerDecorator<VerificationEvent<never>>;
export function OnVerification<C extends [VerificationEventClass, ...VerificationEventClass[]]>(
  ...classes: C
): HandlerDecorator<EventOf<C[number]>>;
export function OnVerification<C extends [VerificationEventClass, ...VerificationEventClass[]]>(
  ...classesAndOptions: [...C, OnVerificationOptions]
): HandlerDecorator<EventOf<C[number]>>;
export function OnVerification(
  ...args: (VerificationEventClass | OnVerificationOptions | undefined)[]
): MethodDecorator {
  const classes = args.filter((arg) => typeof arg === 'function');
  const options = args.find((arg) => typeof arg === 'object');
  const subscription: Subscription = {
    ...options,
    classes: classes.length > 0 ? classes : Object.values(eventClasses),
  };
  return SetMetadata(SUBSCRIPTION, subscription);
}
