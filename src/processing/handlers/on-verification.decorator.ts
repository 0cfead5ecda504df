import { SetMetadata } from '@nestjs/common';
import { eventClasses, type VerificationEvent, type VerificationEventClass } from './verification.event.js';
import type { HandlerContext } from './handler.context.js';

/**
 * Options of `@OnVerification()`.
 *
 * @publicApi
 */
export interface OnVerificationOptions {
  /**
   * Stable id of the handler. Its attempts are stored under this id, so a handler with a new id is a new handler.
   *
   * @default 'ClassName.methodName'
   */
  id?: string;
  /** Runs the handler in a transaction, with `context.manager`, that also records its completion. @default false */
  transactional?: boolean;
}

/** Metadata that the decorator writes and the explorer reads. */
export interface Subscription extends OnVerificationOptions {
  readonly classes: readonly VerificationEventClass[];
}

/** Metadata key. It is a fixed name, so that it is the same in every copy of this module. */
export const SUBSCRIPTION = 'cr3dentials-webhook:on-verification';

/** Event of the status of the class. Its `extractedData` fits any type that the host gives to it. */
type EventOf<C extends VerificationEventClass> = Extract<
  VerificationEvent<never>,
  { status: InstanceType<C>['status'] }
>;

type Handler<E> = (event: E, context: HandlerContext) => unknown;

/** Decorator that does not compile on a method whose parameters do not fit the classes. */
type HandlerDecorator<E> = <H extends Handler<E>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<H>,
) => void;

/**
 * Subscribes a method of a provider or controller to verification events. Without a class, it subscribes to all of
 * them. The method is called at least once for every acknowledged delivery. With `{ transactional: true }`, its writes
 * with `context.manager` take effect exactly once per session. Guards, interceptors, pipes and filters of the host do
 * not run for it.
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
