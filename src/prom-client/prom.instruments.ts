import { Counter, Gauge, Histogram, type GaugeConfiguration, type Registry } from 'prom-client';
import type { TelemetrySource } from '../instrumentation/telemetry.js';
import type { Attributes, Instruments, Recorder } from '../metrics/inbox.metrics.js';
import {
  metricNames,
  definitionOf,
  type AttributeKey,
  type MetricName,
  type MetricOf,
} from '../metrics/metric.definitions.js';
import { observationsOf, type Observation } from '../metrics/observations.js';
import { prometheusLabel, prometheusName } from '../metrics/prometheus.names.js';

type Description = Pick<GaugeConfiguration<string>, 'name' | 'help' | 'labelNames' | 'registers'>;

/** Kinds of metrics that are read when somebody asks. */
type ObservedKind = 'gauge' | 'observable-counter';

/** Instruments of prom-client for the table of metrics. */
export class PromInstruments implements Instruments {
  #reading: Promise<Observation[]> | undefined;

  constructor(
    private readonly registry: Registry,
    private readonly source: TelemetrySource,
  ) {
    for (const name of metricNames) this.#createObserved(name);
  }

  nameOf(key: AttributeKey): string {
    return prometheusLabel(key);
  }

  histogram(name: MetricOf<'histogram'>): Recorder {
    const histogram = new Histogram({ ...this.#describe(name), buckets: [...(definitionOf(name).buckets ?? [])] });
    return (value, attributes) => histogram.observe(attributes, value);
  }

  counter(name: MetricOf<'counter'>): Recorder {
    const counter = new Counter(this.#describe(name));
    return (value, attributes) => counter.inc(attributes, value);
  }

  /** Removes the metrics from the registry. */
  remove(): void {
    for (const name of metricNames) this.registry.removeSingleMetric(prometheusName(name));
  }

  #createObserved(name: MetricName): void {
    const { kind } = definitionOf(name);
    if (kind === 'gauge' || kind === 'observable-counter') this.#observe(name, kind, this.#describe(name));
  }

  #describe(name: MetricName): Description {
    const { description: help, attributes } = definitionOf(name);
    const labelNames = attributes.map((key) => prometheusLabel(key));
    return { name: prometheusName(name), help, labelNames, registers: [this.registry] };
  }

  /**
   * A value that is not reported this time is not there: an old one would hide that the database does not answer. The
   * old ones go once the new ones are known, because several may ask at the same time, and a counter adds.
   */
  #observe(name: MetricName, kind: ObservedKind, settings: Description): void {
    if (kind === 'gauge') {
      const gauge: Gauge = new Gauge({
        ...settings,
        collect: async () => {
          const values = await this.#valuesOf(name);
          if (settings.labelNames?.length) gauge.reset();
          else gauge.remove(); // reset, it would be 0
          for (const [attributes, value] of values) gauge.set(attributes, value);
        },
      });
    } else {
      const counter: Counter = new Counter({
        ...settings,
        collect: async () => {
          const values = await this.#valuesOf(name);
          counter.reset();
          for (const [attributes, value] of values) counter.inc(attributes, value);
        },
      });
    }
  }

  /** Reads once for all metrics of a scrape: they are asked at the same time. */
  #read(): Promise<Observation[]> {
    this.#reading ??= observationsOf(this.source).finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #valuesOf(name: MetricName): Promise<(readonly [Attributes, number])[]> {
    return (await this.#read())
      .filter((observation) => observation.name === name)
      .map(({ attributes = [], value }) => [
        Object.fromEntries(attributes.map(([key, one]) => [prometheusLabel(key), one])),
        value,
      ]);
  }
}
