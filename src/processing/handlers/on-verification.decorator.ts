import { eventClasses, type VerificationEvent, type VerificationEventClass } from './verification.event.js';
import type { HandlerContext } from './handler.context.js';
import type { HandlerOptions } from './handler.options.js';
import type { HandlerResult } from './handler.result.js';

/**
 * Options of `@OnVerification()`.
 *
 * @publicApi
 */
export type OnVerificationOptions = TransactionalOptions | PlainOptions;

/** Options of a handler that names its id. */
interface TransactionalOptions extends HandlerOptions {
  /** Stable id of the handler. Its attempts are stored under this id, so a handler with a new id is a new handler. */
  id: string;
  /**
   * Runs the handler in a transaction, with `context.manager`, that also records its completion. Such a handler must
   * name its `id`: under another one, its effect would take place once more.
   *
   * @default false
   */
  transactional?: boolean;
}

interface PlainOptions extends HandlerOptions {
  /**
   * Stable id of the handler. A bundler may change the default, because it renames classes. @default
   * 'ClassName.methodName'
   */
  id?: string;
  transactional?: false;
}

/** Metadata that the decorator writes and the explorer reads, one for each decorator. */
export interface Subscription {
  readonly method: string | symbol;
  readonly classes: readonly VerificationEventClass[];
  readonly options: Readonly<Partial<TransactionalOptions>>;
}

/** Metadata key. It is a fixed name, so that it is the same in every copy of this module. */
const SUBSCRIPTIONS = 'cr3dentials-webhook:on-verification';

/**
 * Returns the subscriptions that are written on a prototype, or on a class for its static methods; not inherited ones.
 */
export function subscriptionsOn(target: object): readonly Subscription[] {
  return (Reflect.getOwnMetadata(SUBSCRIPTIONS, target) as readonly Subscription[] | undefined) ?? [];
}

/** An event class whose data has a type: `VerificationCompleted<BankAccount>`. */
interface TypedEventClass {
  new (...args: never[]): VerificationEvent<object>;
  readonly eventName: VerificationEventClass['eventName'];
}

/** Event of the status of the class. Its `extractedData` fits any type that the host gives to it. */
type EventOf<C extends VerificationEventClass> = Extract<
  VerificationEvent<never>,
  { status: InstanceType<C>['status'] }
>;

type Handler<E> = (event: E, context: HandlerContext) => HandlerResult;

/**
 * Decorator that does not compile on a method whose parameters do not fit the classes, or whose result would not be
 * awaited.
 */
type HandlerDecorator<E> = <H extends Handler<E>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<H>,
) => void;

/**
 * Subscribes a method of a provider or controller to verification events. Without a class, it subscribes to all of
 * them. The method is called at least once for every acknowledged delivery. With `{ transactional: true }`, its writes
 * with `context.manager` take effect exactly once per session. Guards, interceptors, pipes and filters of the host do
 * not run for it. Whatever it returns is awaited: a promise, an Observable, an iterable of them.
 *
 * `VerificationCompleted<BankAccount>` as the class demands a parameter with that data.
 *
 * A subclass that overrides the method stays subscribed. A method may have several decorators, each with its own `id`.
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
export function OnVerification<C extends [TypedEventClass, ...TypedEventClass[]]>(
  ...classes: C
): HandlerDecorator<InstanceType<C[number]>>;
export function OnVerification<C extends [TypedEventClass, ...TypedEventClass[]]>(
  ...classesAndOptions: [...C, OnVerificationOptions]
): HandlerDecorator<InstanceType<C[number]>>;
export function OnVerification(
  ...args: (VerificationEventClass | TypedEventClass | OnVerificationOptions | undefined)[]
): MethodDecorator {
  // A type argument is gone at run time: it is the class itself.
  const classes = args.filter((arg) => typeof arg === 'function') as VerificationEventClass[];
  const options = args.find((arg) => typeof arg === 'object');
  // On the class, not on the function: another decorator may replace the function.
  return (target, method) => {
    const subscription: Subscription = {
      method,
      classes: classes.length > 0 ? classes : Object.values(eventClasses),
      options: options ?? {},
    };
    Reflect.defineMetadata(SUBSCRIPTIONS, [...subscriptionsOn(target), subscription], target);
  };
}
