import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';
import { onOccurrence } from '../instrumentation/on-occurrence.js';
import type { OccurrenceMessage, OccurrenceName } from '../instrumentation/occurrence.names.js';
import type { BatchFacts, Telemetry, TelemetrySource } from '../instrumentation/telemetry.js';
import { ErrorTypes } from '../metrics/error.types.js';
import { attributesOf, operations } from './messaging.js';

const MS_PER_SECOND = 1_000;
/** As the conventions demand them. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const RECORD = attributesOf(operations.record);
const HANDLE = attributesOf(operations.handle);

/** Records the metrics of OpenTelemetry's conventions for messaging. */
export class SemanticMetrics implements Pick<Required<Telemetry>, 'batch'> {
  readonly #errors = new ErrorTypes();
  #operations: Histogram | undefined;

  /** Returns what ends it. */
  start({ instance }: TelemetrySource, meter: Meter): () => void {
    const timed = (name: string, description: string) =>
      meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries: BUCKETS } });
    const operation = timed('messaging.client.operation.duration', 'Duration of an operation on the inbox.');
    const processing = timed('messaging.process.duration', 'Duration of processing a delivery by one handler.');
    const consumed = meter.createCounter('messaging.client.consumed.messages', {
      unit: '{message}',
      description: 'Deliveries whose processing began.',
    });
    this.#operations = operation;
    const ends = this.#subscribe(instance, operation, processing, consumed);
    return () => {
      for (const end of ends) end();
    };
  }

  /** Those that are recorded one by one are counted by their POSTs. */
  batch({ operation, duration, error }: BatchFacts): void {
    if (operation === 'flush') return;
    const attributes = attributesOf(operations[operation]);
    this.#operations?.record(duration / MS_PER_SECOND, this.#withError(attributes, error?.type));
  }

  #subscribe(instance: string, operation: Histogram, processing: Histogram, consumed: Counter): (() => void)[] {
    const on = <N extends OccurrenceName>(name: N, listener: (message: OccurrenceMessage<N>) => void) =>
      onOccurrence(name, (message) => {
        if (message.instance === instance) listener(message);
      });
    return [
      on('received', ({ duration, error }) =>
        operation.record(duration / MS_PER_SECOND, this.#withError(RECORD, error?.type)),
      ),
      on('begun', () => consumed.add(1, HANDLE)),
      on('attempt', ({ handler, outcome, duration = 0, error }) => {
        const attributes = { ...HANDLE, 'messaging.destination.subscription.name': handler };
        const isFailure = outcome === 'failed' || outcome === 'dead';
        processing.record(duration / MS_PER_SECOND, this.#withError(attributes, isFailure ? error?.type : undefined));
      }),
    ];
  }

  #withError(attributes: Attributes, type: string | undefined): Attributes {
    return type === undefined ? attributes : { ...attributes, 'error.type': this.#errors.of(type) };
  }
}
