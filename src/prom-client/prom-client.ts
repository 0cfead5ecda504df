import { register, type Registry } from 'prom-client';
import type { Telemetry } from '../instrumentation/telemetry.js';
import { InboxMetrics } from '../metrics/inbox.metrics.js';
import { PromInstruments } from './prom.instruments.js';

/**
 * Options of `promClient()`.
 *
 * @publicApi
 */
export interface PromClientOptions {
  /** Registry of the metrics. A registry can serve one app. @default the global one of prom-client */
  registry?: Registry;
}

/**
 * Returns telemetry for the option `telemetry` of the module: metrics in a registry of prom-client. The app answers
 * what `registry.metrics()` returns, on a route of its own.
 *
 * @publicApi
 */
export function promClient({ registry = register }: PromClientOptions = {}): Telemetry {
  return {
    start: (source) => {
      const instruments = new PromInstruments(registry, source);
      const end = new InboxMetrics(instruments, source.instance).start();
      return () => {
        end();
        instruments.remove();
      };
    },
  };
}
