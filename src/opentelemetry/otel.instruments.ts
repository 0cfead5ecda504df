import type { BatchObservableResult, Meter as OtelMeter, Observable } from '@opentelemetry/api';
import type { TelemetrySource } from '../instrumentation/telemetry.js';
import type { Instruments, Recorder } from '../metrics/inbox.metrics.js';
import {
  metricNames,
  definitionOf,
  type AttributeKey,
  type MetricName,
  type MetricOf,
} from '../metrics/metric.definitions.js';
import { observationsOf } from '../metrics/observations.js';

const NAMESPACE = 'cr3dentials_webhook';

/** Instruments of OpenTelemetry for the table of metrics. */
export class OtelInstruments implements Instruments {
  readonly #observed = new Map<MetricName, Observable>();

  constructor(private readonly meter: OtelMeter) {
    for (const name of metricNames) this.#createObserved(name);
  }

  nameOf(key: AttributeKey): string {
    return key === 'error.type' ? key : `${NAMESPACE}.${key}`;
  }

  histogram(name: MetricOf<'histogram'>): Recorder {
    const advice = { explicitBucketBoundaries: [...(definitionOf(name).buckets ?? [])] };
    const histogram = this.meter.createHistogram(fullNameOf(name), { ...describe(name), advice });
    return (value, attributes) => histogram.record(value, attributes);
  }

  counter(name: MetricOf<'counter'>): Recorder {
    const counter = this.meter.createCounter(fullNameOf(name), describe(name));
    return (value, attributes) => counter.add(value, attributes);
  }

  /** Reports the numbers of a source whenever the SDK collects. Returns what ends it. */
  observe(source: TelemetrySource): () => void {
    const observables = [...this.#observed.values()];
    const report = async (result: BatchObservableResult): Promise<void> => {
      for (const { name, value, attributes = [] } of await observationsOf(source)) {
        const observable = this.#observed.get(name);
        const own = Object.fromEntries(attributes.map(([key, one]) => [this.nameOf(key), one]));
        if (observable) result.observe(observable, value, own);
      }
    };
    this.meter.addBatchObservableCallback(report, observables);
    return () => this.meter.removeBatchObservableCallback(report, observables);
  }

  #createObserved(name: MetricName): void {
    const { kind } = definitionOf(name);
    if (kind === 'gauge') this.#observed.set(name, this.meter.createObservableGauge(fullNameOf(name), describe(name)));
    if (kind === 'observable-counter')
      this.#observed.set(name, this.meter.createObservableCounter(fullNameOf(name), describe(name)));
  }
}

function fullNameOf(name: MetricName): string {
  return `${NAMESPACE}.${name}`;
}

function describe(name: MetricName): { unit: string; description: string } {
  const { unit, description } = definitionOf(name);
  return { unit, description };
}
