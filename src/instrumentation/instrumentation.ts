import { Injectable } from '@nestjs/common';
import type { InboxSignals, SignalName } from './inbox.signals.js';
import { errorName } from './single-line.js';

type Listener<N extends SignalName> = (signal: InboxSignals[N]) => void;
type Listeners = { [N in SignalName]?: Set<Listener<N>> };

/** Announces signals to whoever subscribes to them. A subscriber that throws harms neither the core nor the others. */
@Injectable()
export class Instrumentation {
  readonly #listeners: Listeners = {};

  /** Calls the listener for every signal of that name. Returns what ends the subscription. */
  subscribe<N extends SignalName>(name: N, listener: Listener<N>): () => void {
    const listeners: Set<Listener<N>> = (this.#listeners[name] as Set<Listener<N>> | undefined) ?? new Set();
    (this.#listeners as Record<SignalName, unknown>)[name] = listeners;
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Never throws. */
  announce<N extends SignalName>(name: N, signal: InboxSignals[N]): void {
    const listeners = this.#listeners[name] as Set<Listener<N>> | undefined;
    if (!listeners) return;
    for (const listener of listeners) {
      try {
        listener(signal);
      } catch (error) {
        if (name !== 'subscriber-failed') this.announce('subscriber-failed', { signal: name, error: errorName(error) });
      }
    }
  }
}
