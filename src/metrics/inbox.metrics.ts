import { onOccurrence } from '../instrumentation/on-occurrence.js';
import type { OccurrenceMessage, OccurrenceName } from '../instrumentation/occurrence.names.js';
import { AttributeSets, type Attributes } from './attribute.sets.js';
import { ErrorTypes } from './error.types.js';
import { definitionOf, type AttributeKey, type MetricName, type MetricOf } from './metric.definitions.js';

export type { Attributes };

/** Records a measurement of one meter. */
export type Recorder = (value: number, attributes: Attributes) => void;

/** Instruments of a monitoring system. */
export interface Instruments {
  /** Returns its name for an attribute. */
  nameOf(key: AttributeKey): string;
  histogram(name: MetricOf<'histogram'>): Recorder;
  counter(name: MetricOf<'counter'>): Recorder;
}

/** Measures with the values of the attributes of a meter, in the order of the table. */
type Measure = (value: number, first?: string, second?: string, third?: string) => void;

const MS_PER_SECOND = 1_000;
const LOSSES = ['not-renewed', 'rescued', 'erased'] as const satisfies OccurrenceMessage<'lease-lost'>['why'][];

/** Records what one instance announces. */
export class InboxMetrics {
  readonly #errors = new ErrorTypes();

  constructor(
    private readonly instruments: Instruments,
    private readonly instance: string,
  ) {}

  /** Returns what ends it. */
  start(): () => void {
    const ends = [...this.#ofReceiving(), ...this.#ofProcessing(), ...this.#ofQueues(), ...this.#ofTrouble()];
    return () => {
      for (const end of ends) end();
    };
  }

  #ofReceiving(): (() => void)[] {
    const received = this.#histogram('receive.duration');
    const flushed = this.#histogram('flush.duration');
    const size = this.#histogram('flush.size');
    return [
      this.#on('received', ({ verdict, duration, error }) => received(duration / MS_PER_SECOND, verdict, error?.type)),
      this.#on('refused', ({ kind, hasVerdict }) => {
        if (hasVerdict) return; // it was received, and is counted there
        const isUnavailable = kind === 'secrets-unavailable';
        received(0, isUnavailable ? 'unavailable' : kind, isUnavailable ? 'SECRETS_UNAVAILABLE' : undefined);
      }),
      this.#on('flushed', (message) => {
        flushed(message.duration / MS_PER_SECOND, message.error?.type);
        size(message.size);
      }),
    ];
  }

  #ofProcessing(): (() => void)[] {
    const handled = this.#histogram('handler.duration');
    const waited = this.#histogram('delivery.wait');
    const settled = this.#histogram('delivery.duration');
    return [
      this.#on('attempt', ({ handler, outcome, duration = 0, error }) => {
        const isFailure = outcome === 'failed' || outcome === 'dead';
        handled(duration / MS_PER_SECOND, handler, outcome, isFailure ? error?.type : undefined);
      }),
      this.#on('begun', (message) => {
        if (message.waited !== undefined) waited(message.waited / MS_PER_SECOND, message.source);
      }),
      this.#on('settled', ({ state, age }) => {
        if (state !== 'pending' && state !== 'returned') settled(age / MS_PER_SECOND, state);
      }),
    ];
  }

  #ofQueues(): (() => void)[] {
    const enqueued = this.#counter('queue.enqueued');
    const claimed = this.#counter('queue.claims');
    return [
      this.#on('enqueued', ({ queue, deliveryIds, outcome }) => enqueued(deliveryIds.length, queue, outcome)),
      this.#on('queue-claimed', ({ queue, outcome }) => claimed(1, queue, outcome)),
    ];
  }

  #ofTrouble(): (() => void)[] {
    const rescued = this.#counter('delivery.rescued');
    const lost = this.#counter('lease.lost');
    const decided = this.#counter('operator.decisions');
    const failed = this.#counter('database.errors');
    for (const why of LOSSES) lost(0, why); // what appears with a value has not grown, for Prometheus
    return [
      this.#on('rescued', ({ deliveryIds }) => rescued(deliveryIds.length)),
      this.#on('lease-lost', ({ count, why }) => lost(count, why)),
      this.#on('decided', ({ decision }) => decided(1, decision)),
      this.#on('database-unavailable', ({ operation, error }) => failed(1, operation, error.type)),
      this.#on('flushed', ({ error }) => {
        if (error) failed(1, 'flush', error.type);
      }),
    ];
  }

  #on<N extends OccurrenceName>(name: N, listener: (message: OccurrenceMessage<N>) => void): () => void {
    return onOccurrence(name, (message) => {
      if (message.instance === this.instance) listener(message);
    });
  }

  #histogram(name: MetricOf<'histogram'>): Measure {
    return this.#measure(name, this.instruments.histogram(name));
  }

  #counter(name: MetricOf<'counter'>): Measure {
    return this.#measure(name, this.instruments.counter(name));
  }

  #measure(name: MetricName, record: Recorder): Measure {
    const { instruments } = this;
    const sets = new AttributeSets(definitionOf(name).attributes, (key) => instruments.nameOf(key), this.#errors);
    return (value, first, second, third) => record(value, sets.of(first, second, third));
  }
}
