import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel';
import type { Instrumentation } from './instrumentation.js';
import { plainOccurrences, type OccurrenceName } from './occurrence.names.js';
import type { Occurrences, AttemptMessage } from './occurrences.js';

// Channels are of the process: every copy of the package has the same. They are made once and held, because Node 20 loses
// a channel that is made again after its predecessor was collected.
const attempts = tracingChannel<unknown, AttemptMessage>('cr3dentials-webhook.attempt');
const plain = new Map<OccurrenceName, Channel>(
  plainOccurrences.map((name) => [name, channel(`cr3dentials-webhook:${name}`)]),
);

/** Returns the channel of attempts. */
export function attemptChannel(): TracingChannel<unknown, AttemptMessage> {
  return attempts;
}

/** Returns the channel on which an occurrence is announced; for an attempt, the one of its end. */
export function channelOf(name: OccurrenceName): Channel {
  return plain.get(name) ?? attempts.asyncEnd;
}

/**
 * Publishes on diagnostics channels what the core announces. A message is made only while somebody subscribes to it.
 */
export class OccurrenceChannels {
  constructor(
    instrumentation: Instrumentation,
    private readonly instance: string,
  ) {
    for (const name of plainOccurrences) this.publish(name, instrumentation);
  }

  private publish<N extends keyof Occurrences>(name: N, instrumentation: Instrumentation): void {
    const { instance } = this;
    const target = channelOf(name);
    instrumentation.subscribe(
      name,
      (occurrence) => target.publish({ instance, ...occurrence }),
      () => target.hasSubscribers,
    );
  }
}
