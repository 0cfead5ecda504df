import type { Cancellation } from '../../concurrency/cancellation.js';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';

/** Methods that an Observable of rxjs has. */
interface ObservableLike {
  subscribe(observer: never): unknown;
  pipe(...operators: never[]): unknown;
}

/** Result of a handler: something that is awaited, or a value that has nothing to await. */
export type HandlerResult =
  | void
  | null
  | undefined
  | string
  | number
  | bigint
  | boolean
  | symbol
  | PromiseLike<unknown>
  | ObservableLike
  | Iterable<unknown>
  | AsyncIterable<unknown>;

interface Observable {
  subscribe(observer: {
    next(value: unknown): void;
    error(error: unknown): void;
    complete(): void;
  }): { unsubscribe?: () => void } | undefined;
}

interface AnyIterator {
  next(): unknown;
  return?(): unknown;
}

/** Keys by which other libraries than rxjs mark their Observables. */
const OBSERVABLE_KEYS = [(Symbol as { observable?: symbol }).observable ?? '@@observable', '@@observable'] as const;

/**
 * Returns a promise that settles when everything that a handler has returned has ended, or undefined when nothing is
 * going on. Promises, Observables and iterables may be nested in each other. At the cancellation, Observables are
 * unsubscribed and iterators are closed.
 *
 * @throws Cr3dentialsWebhookError `HANDLER_INVALID` for a function, which nobody would call
 */
export function pendingResultOf(result: unknown, cancellation: Cancellation): Promise<void> | undefined {
  return new ReturnedValue(cancellation).pendingResultOf(result);
}

class ReturnedValue {
  /** Arrays may contain themselves. */
  #seen?: Set<object>;

  constructor(private readonly cancellation: Cancellation) {}

  pendingResultOf(value: unknown): Promise<void> | undefined {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined;
    if (hasMethod(value, 'then'))
      return Promise.resolve(value as PromiseLike<unknown>).then((inner) => this.pendingResultOf(inner));
    if (typeof value === 'function') throw uncalled();
    const observable = observableOf(value);
    if (observable) return this.ofObservable(observable);
    if (hasMethod(value, Symbol.asyncIterator)) return this.ofIterator(value[Symbol.asyncIterator]() as AnyIterator);
    if (!hasMethod(value, Symbol.iterator) || ArrayBuffer.isView(value)) return undefined;
    // A generator has not begun, and does the next step only when it is asked to.
    if (hasMethod(value, 'next')) return this.ofIterator(value as unknown as AnyIterator);
    return this.ofMembers(value as unknown as Iterable<unknown>);
  }

  private ofMembers(members: Iterable<unknown> & object): Promise<void> | undefined {
    this.#seen ??= new Set();
    if (this.#seen.has(members)) return undefined;
    this.#seen.add(members);
    const pending: Promise<void>[] = [];
    for (const member of members) {
      const completion = this.pendingResultOf(member);
      if (completion) pending.push(completion);
    }
    return pending.length > 0 ? allOf(pending) : undefined;
  }

  private async ofIterator(iterator: AnyIterator): Promise<void> {
    const { cancellation } = this;
    const close = () => this.swallow(() => iterator.return?.());
    cancellation.onCancel(() => void close());
    for (;;) {
      const step = (await iterator.next()) as IteratorResult<unknown>;
      try {
        await this.pendingResultOf(step.value);
      } catch (error) {
        await close(); // as a loop does that is left by an error
        throw error;
      }
      if (cancellation.isRequested) throw cancellation.reason;
      if (step.done) return;
    }
  }

  private ofObservable(observable: Observable): Promise<void> {
    return new Promise((resolve, reject) => {
      const pending: Promise<void>[] = [];
      const next = (value: unknown) => {
        const completion = this.pendingResultOf(value);
        if (!completion) return;
        completion.catch(() => {}); // it is looked at when the Observable has ended
        pending.push(completion);
      };
      const endWith = async (failure: unknown): Promise<void> => {
        await this.swallow(() => allOf(pending));
        reject(failure);
      };
      let subscription: { unsubscribe?: () => void } | undefined;
      const fail = (failure: unknown): void => {
        void this.swallow(() => subscription?.unsubscribe?.());
        void endWith(failure);
      };
      subscription = observable.subscribe({
        next: (value) => attempt(() => next(value), fail),
        error: (failure) => void endWith(failure),
        complete: () => void allOf(pending).then(resolve, reject),
      });
      this.cancellation.onCancel(fail);
    });
  }

  /** The end of what was cancelled interests nobody. */
  private async swallow(end: () => unknown): Promise<void> {
    try {
      await end();
    } catch {
      // the run has ended with the reason of its cancellation
    }
  }
}

function attempt(work: () => void, onError: (error: unknown) => void): void {
  try {
    work();
  } catch (error) {
    onError(error);
  }
}

/** Settles when all of them have, so that nothing goes on. Rejects with the first error. */
async function allOf(pending: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(pending)) if (result.status === 'rejected') throw result.reason;
}

function observableOf(value: object): Observable | undefined {
  for (const key of OBSERVABLE_KEYS)
    if (hasMethod(value, key)) return (value as Record<PropertyKey, () => Observable>)[key]?.();
  return hasMethod(value, 'subscribe') && hasMethod(value, 'pipe') ? (value as unknown as Observable) : undefined;
}

function hasMethod<K extends PropertyKey>(value: object, name: K): value is Record<K, (...args: unknown[]) => unknown> {
  return typeof (value as Record<PropertyKey, unknown>)[name] === 'function';
}

function uncalled(): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    'The handler returned a function, which nobody calls. Call it, and return its promise.',
  );
}
