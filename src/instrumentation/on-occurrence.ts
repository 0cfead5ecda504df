import { Logger } from '@nestjs/common';
import { channelOf } from './occurrence.channels.js';
import type { OccurrenceMessage, OccurrenceName } from './occurrence.names.js';
import { RepeatedLines } from './repeated.lines.js';
import { errorName } from './single-line.js';

const MINUTE_MS = 60_000;

/**
 * Calls the listener whenever something has happened, for example `onOccurrence('settled', ({ state }) => …)`. It is
 * called within the work that it hears of, so it should only count, write or send. If it throws, or returns a promise
 * that rejects, an ERROR line says so once a minute, and the work goes on. A listener that is subscribed with
 * `node:diagnostics_channel` itself would end the process. It hears all instances of the process, in either module
 * kind.
 *
 * @returns what ends the subscription
 * @publicApi
 */
export function onOccurrence<N extends OccurrenceName>(
  name: N,
  listener: (message: OccurrenceMessage<N>) => unknown,
): () => void {
  const channel = channelOf(name);
  const lines = new RepeatedLines(MINUTE_MS);
  const logger = new Logger('Cr3dentialsWebhook');
  const report = (error: unknown): void => {
    const what = errorName(error);
    lines.count(name, what, () => logger.error(`A listener of the occurrence "${name}" threw: ${what}`));
  };
  const guarded = (message: unknown): void => {
    try {
      const result = listener(message as OccurrenceMessage<N>) as { then?: unknown } | null | undefined;
      if (typeof result?.then === 'function') Promise.resolve(result).catch(report);
    } catch (error) {
      report(error);
    }
  };
  channel.subscribe(guarded);
  return () => void channel.unsubscribe(guarded);
}
