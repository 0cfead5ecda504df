const RECEIVE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const FLUSH_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const HANDLER_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const DELIVERY_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 900, 3_600, 21_600, 86_400];
const ROWS = [1, 2, 5, 10, 20, 50, 100, 200];

/** Attribute of a metric. Every one has few values. `error.type` has the name that OpenTelemetry gives it. */
export type AttributeKey =
  | 'verdict'
  | 'error.type'
  | 'handler'
  | 'outcome'
  | 'source'
  | 'state'
  | 'reason'
  | 'operation'
  | 'decision'
  | 'secret'
  | 'queue';

/** Description of one metric. */
export interface MetricDefinition {
  /** `histogram` and `counter` are recorded at once; `gauge` and `observable-counter` are read when somebody asks. */
  readonly kind: 'histogram' | 'counter' | 'gauge' | 'observable-counter';
  /** `s`, or the counted noun in braces, such as `{delivery}`. */
  readonly unit: string;
  readonly description: string;
  readonly attributes: readonly AttributeKey[];
  readonly buckets?: readonly number[];
}

/** Every metric of the module. docs/observability.md explains each. */
export const metrics = {
  'receive.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from the arrival of a POST to its verdict.',
    attributes: ['verdict', 'error.type'],
    buckets: RECEIVE_SECONDS,
  },
  'flush.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time of writing a batch of deliveries.',
    attributes: ['error.type'],
    buckets: FLUSH_SECONDS,
  },
  'flush.size': {
    kind: 'histogram',
    unit: '{delivery}',
    description: 'Deliveries in a batch.',
    attributes: [],
    buckets: ROWS,
  },
  'handler.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from the call of a handler to its outcome.',
    attributes: ['handler', 'outcome', 'error.type'],
    buckets: HANDLER_SECONDS,
  },
  'delivery.wait': {
    kind: 'histogram',
    unit: 's',
    description: 'Time that a delivery was due before its processing began.',
    attributes: ['source'],
    buckets: DELIVERY_SECONDS,
  },
  'delivery.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from the receipt of a delivery to its end.',
    attributes: ['state'],
    buckets: DELIVERY_SECONDS,
  },
  'delivery.rescued': {
    kind: 'counter',
    unit: '{delivery}',
    description: 'Deliveries that were rescued from another worker.',
    attributes: [],
  },
  'lease.lost': { kind: 'counter', unit: '{lease}', description: 'Leases that were lost.', attributes: ['reason'] },
  'database.errors': {
    kind: 'counter',
    unit: '{error}',
    description: 'Statements that failed.',
    attributes: ['operation', 'error.type'],
  },
  'operator.decisions': {
    kind: 'counter',
    unit: '{decision}',
    description: 'Decisions of operators on deliveries and rejections.',
    attributes: ['decision'],
  },
  'secret.uses': {
    kind: 'observable-counter',
    unit: '{request}',
    description: 'POSTs that carried a secret.',
    attributes: ['secret'],
  },
  'secret.time_left': {
    kind: 'gauge',
    unit: 's',
    description: 'Time until a secret expires.',
    attributes: ['secret'],
  },
  'receive.waiting': {
    kind: 'gauge',
    unit: '{request}',
    description: 'POSTs that wait to be durable.',
    attributes: [],
  },
  'receive.waiting.limit': {
    kind: 'gauge',
    unit: '{request}',
    description: 'Most POSTs that may wait.',
    attributes: [],
  },
  'processing.active': {
    kind: 'gauge',
    unit: '{delivery}',
    description: 'Deliveries that this worker has claimed.',
    attributes: [],
  },
  'processing.limit': {
    kind: 'gauge',
    unit: '{delivery}',
    description: 'Deliveries that this worker processes at the same time.',
    attributes: [],
  },
  'inbox.deliveries': {
    kind: 'gauge',
    unit: '{delivery}',
    description: 'Deliveries in the inbox that have not completed.',
    attributes: ['state'],
  },
  'inbox.oldest_due': {
    kind: 'gauge',
    unit: 's',
    description: 'Time that the oldest due delivery has waited.',
    attributes: [],
  },
  'inbox.rejections': {
    kind: 'gauge',
    unit: '{rejection}',
    description: 'Rejections that nobody has decided on.',
    attributes: ['reason'],
  },
  'inbox.readable': {
    kind: 'gauge',
    unit: '{inbox}',
    description: '1 if the numbers of the inbox could be read, else 0.',
    attributes: [],
  },
  'inbox.durable': {
    kind: 'gauge',
    unit: '{inbox}',
    description: '1 if acknowledged deliveries survive a crash, else 0.',
    attributes: [],
  },
  'clock.offset': {
    kind: 'gauge',
    unit: 's',
    description: 'Time by which the clock of the database is ahead of the one of this machine.',
    attributes: [],
  },
  'queue.enqueued': {
    kind: 'counter',
    unit: '{job}',
    description: 'Runs that were given to a queue, or postponed.',
    attributes: ['queue', 'outcome'],
  },
  'queue.claims': {
    kind: 'counter',
    unit: '{job}',
    description: 'Jobs that were taken from a queue.',
    attributes: ['queue', 'outcome'],
  },
  'queue.jobs': {
    kind: 'gauge',
    unit: '{job}',
    description: 'Jobs in a queue.',
    attributes: ['queue', 'state'],
  },
  'queue.oldest': {
    kind: 'gauge',
    unit: 's',
    description: 'Time that the oldest job of a queue has waited.',
    attributes: ['queue'],
  },
  'queue.readable': {
    kind: 'gauge',
    unit: '{instance}',
    description: '1 if Redis has answered the last probe, else 0.',
    attributes: [],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof metrics;

/** Names of the metrics of some kinds. */
export type MetricOf<K extends MetricDefinition['kind']> = {
  [N in MetricName]: (typeof metrics)[N]['kind'] extends K ? N : never;
}[MetricName];

export const metricNames = Object.keys(metrics) as readonly MetricName[];

/** Returns the definition, typed as that of any metric. */
export function definitionOf(name: MetricName): MetricDefinition {
  return metrics[name];
}
