import type { TelemetrySource } from '../instrumentation/telemetry.js';
import type { AttributeKey, MetricOf } from './metric.definitions.js';

const MS_PER_SECOND = 1_000;
/** Secrets that have values of their own. A rotation has two. */
const MAX_SECRETS = 16;

/** One value of a metric that is read when somebody asks. */
export interface Observation {
  readonly name: MetricOf<'gauge' | 'observable-counter'>;
  readonly value: number;
  readonly attributes?: readonly (readonly [key: AttributeKey, value: string])[];
}

/** Returns the values of this process, and those of the inbox while the database answers. */
export async function observationsOf(source: TelemetrySource): Promise<Observation[]> {
  return [...ofProcess(source), ...ofSecrets(source), ...ofQueues(source), ...(await ofInbox(source))];
}

function ofProcess(source: TelemetrySource): Observation[] {
  const { waiting, maxWaiting, active, concurrency, clockOffset, isDurable, areQueuesReadable } = source.now();
  return [
    { name: 'receive.waiting', value: waiting },
    { name: 'receive.waiting.limit', value: maxWaiting },
    { name: 'processing.active', value: active },
    { name: 'processing.limit', value: concurrency },
    { name: 'clock.offset', value: clockOffset / MS_PER_SECOND },
    { name: 'inbox.durable', value: isDurable ? 1 : 0 },
    ...(areQueuesReadable === undefined ? [] : [{ name: 'queue.readable', value: areQueuesReadable ? 1 : 0 } as const]),
  ];
}

function ofSecrets(source: TelemetrySource): Observation[] {
  return source
    .secrets()
    .slice(0, MAX_SECRETS)
    .flatMap(({ id, uses, timeLeft }): Observation[] => {
      const attributes = [['secret', id]] as const;
      const used = { name: 'secret.uses', value: uses, attributes } as const;
      if (timeLeft === undefined) return [used];
      return [used, { name: 'secret.time_left', value: timeLeft / MS_PER_SECOND, attributes }];
    });
}

function ofQueues(source: TelemetrySource): Observation[] {
  return source.queues().flatMap(({ queue, oldest, ...jobs }): Observation[] => [
    ...Object.entries(jobs).map(([state, value]) => {
      const attributes = [['queue', queue] as const, ['state', state] as const];
      return { name: 'queue.jobs', value, attributes } as const;
    }),
    { name: 'queue.oldest', value: oldest / MS_PER_SECOND, attributes: [['queue', queue]] },
  ]);
}

/**
 * Returns no numbers while the database does not answer: old ones would hide it. The SDK of OpenTelemetry goes on to
 * report what it was told last, so one number says whether the others are new.
 */
async function ofInbox(source: TelemetrySource): Promise<Observation[]> {
  const gauges = await source.inbox().catch(() => undefined);
  if (!gauges) return [{ name: 'inbox.readable', value: 0 }];
  const { oldestDue, openRejections, ...states } = gauges;
  const of = (name: Observation['name'], key: AttributeKey, counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([value, count]) => ({ name, value: count, attributes: [[key, value] as const] }));
  return [
    ...of('inbox.deliveries', 'state', states),
    ...of('inbox.rejections', 'reason', openRejections),
    { name: 'inbox.oldest_due', value: oldestDue / MS_PER_SECOND },
    { name: 'inbox.readable', value: 1 },
  ];
}
