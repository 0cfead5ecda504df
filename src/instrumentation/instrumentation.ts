import { Injectable } from '@nestjs/common';
import type { InternalOccurrences, InternalOccurrenceName } from './internal.occurrences.js';
import { errorName } from './single-line.js';

type Listener<N extends InternalOccurrenceName> = (occurrence: InternalOccurrences[N]) => void;

interface Subscription<N extends InternalOccurrenceName> {
  readonly listener: Listener<N>;
  /** Tells whether the listener wants to hear anything now. */
  readonly isListening: () => boolean;
}

type Subscriptions = { [N in InternalOccurrenceName]?: Set<Subscription<N>> };

const always = (): boolean => true;

/** Announces occurrences to whoever subscribes to them. A subscriber that throws harms neither the core nor the others. */
@Injectable()
export class Instrumentation {
  readonly #subscriptions: Subscriptions = {};

  /**
   * Calls the listener for every occurrence of that name. Returns what ends the subscription.
   *
   * @param isListening tells whether anybody stands behind the listener at present
   */
  subscribe<N extends InternalOccurrenceName>(name: N, listener: Listener<N>, isListening = always): () => void {
    const subscriptions = this.#of(name) ?? new Set();
    (this.#subscriptions as Record<InternalOccurrenceName, unknown>)[name] = subscriptions;
    const subscription = { listener, isListening };
    subscriptions.add(subscription);
    return () => void subscriptions.delete(subscription);
  }

  /** Tells whether anybody would hear an occurrence. Ask before making one that is costly to make. */
  hasSubscribers(name: InternalOccurrenceName): boolean {
    for (const { isListening } of this.#of(name) ?? []) if (isListening()) return true;
    return false;
  }

  /** Never throws. */
  announce<N extends InternalOccurrenceName>(name: N, occurrence: InternalOccurrences[N]): void {
    const subscriptions = this.#of(name);
    if (!subscriptions) return;
    for (const { listener, isListening } of subscriptions) {
      try {
        if (isListening()) listener(occurrence);
      } catch (error) {
        if (name !== 'subscriber-failed')
          this.announce('subscriber-failed', { occurrence: name, error: errorName(error) });
      }
    }
  }

  #of<N extends InternalOccurrenceName>(name: N): Set<Subscription<N>> | undefined {
    return this.#subscriptions[name] as Set<Subscription<N>> | undefined;
  }
}
