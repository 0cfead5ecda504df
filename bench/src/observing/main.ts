import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { setImmediate as turn } from 'node:timers/promises';
import type { AttemptFacts, AttemptMessage, TelemetrySource } from '../../../dist/index.js';
import { Instrumentation } from '../../../dist/instrumentation/instrumentation.js';
import { channelOf } from '../../../dist/instrumentation/occurrence.channels.js';
import { TelemetryHooks } from '../../../dist/instrumentation/telemetry.hooks.js';
import { openTelemetry } from '../../../dist/opentelemetry/index.js';
import { nowhere, SAMPLED } from '../contenders/observing.js';

// Says what a delivery costs more in each round. Arguments: the observer, the number of rounds.

const instance = 'the bench';
const DELIVERIES = 5_000;
/** As many as are recorded and handled in one turn of the event loop, under load. */
const PER_TURN = 50;
/** Before them, the code is not compiled yet. */
const WARM_UP_ROUNDS = 5;

const facts: Omit<AttemptFacts, 'traceparent' | 'replayTraceparent' | 'onEnd'> = {
  instance,
  deliveryId: 'a-delivery',
  handler: 'a-handler',
  attempt: 1,
  isReplay: false,
  isTransactional: false,
  source: 'handoff',
  waited: 1,
};
const received = { verdict: 'accepted', deliveryId: facts.deliveryId, duration: 3, error: undefined } as const;

/** What the module asks before it makes a message. */
function nobody(): () => boolean {
  const hooks = new TelemetryHooks([], new Instrumentation());
  const channels = (['received', 'begun', 'attempt', 'settled'] as const).map(channelOf);
  return () => channels.some((channel) => channel.hasSubscribers) || hooks.receiving() !== undefined;
}

function metrics(): () => void {
  const reader = new PrometheusExporter({ preventServerStart: true });
  const telemetry = openTelemetry({ traces: false, meterProvider: new MeterProvider({ readers: [reader] }) });
  const [receipt, begun, attempt, settled] = (['received', 'begun', 'attempt', 'settled'] as const).map(channelOf);
  telemetry.start?.({ instance } as TelemetrySource);
  return () => {
    receipt?.publish({ instance, ...received });
    begun?.publish({ instance, source: 'handoff', waited: 1 });
    attempt?.publish({ outcome: 'completed', duration: 1, ...facts });
    settled?.publish({ instance, state: 'completed', age: 5 });
  };
}

function traces(): () => void {
  const sampler = new TraceIdRatioBasedSampler(SAMPLED);
  const tracerProvider = new BasicTracerProvider({ sampler, spanProcessors: [new BatchSpanProcessor(nowhere)] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(tracerProvider);
  const hooks = new TelemetryHooks([openTelemetry({ metrics: false })], new Instrumentation());
  const ended: AttemptMessage = { ...facts, outcome: 'completed' };
  return () => {
    const receipt = hooks.receiving();
    receipt?.end(received);
    const listeners: ((message: Readonly<AttemptMessage>) => unknown)[] = [];
    const onEnd: AttemptFacts['onEnd'] = (listener) => void listeners.push(listener);
    hooks.around({ traceparent: receipt?.traceparent ?? null, replayTraceparent: null, onEnd, ...facts }, () => {}, {});
    hooks.tellEnd(listeners, ended);
  };
}

async function measure(observe: () => unknown, rounds: number): Promise<number[]> {
  const costs: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let count = 1; count <= DELIVERIES; count++) {
      observe();
      if (count % PER_TURN === 0) await turn(); // for what was promised
    }
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) costs.push((user + system) / DELIVERIES);
  }
  return costs;
}

const [observer, rounds] = process.argv.slice(2);
const observers: Readonly<Record<string, () => () => unknown>> = { nobody, metrics, traces };
const observe = observers[observer ?? '']?.();
if (!observe) throw new Error(`Nobody observes as "${observer}".`);
const costs = await measure(observe, Number(rounds));
process.send?.(costs, () => process.exit());
