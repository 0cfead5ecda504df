import { afterEach, describe, expect, it } from '@jest/globals';
import { occurrences, onOccurrence } from 'nestjs-cr3dentials-webhook';
import { channel } from 'node:diagnostics_channel';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

const DELIVERIES = 300;

describe('a listener of occurrences', () => {
  const host = freshHost('sqlite');
  const subscriptions: (() => void)[] = [];

  afterEach(() => {
    for (const end of subscriptions.splice(0)) end();
  });

  async function processed(): Promise<{ lines: readonly string[]; completed: number }> {
    const app = await host.start((a) => a.withHandlers(RememberEvents));
    const bodies = Array.from({ length: DELIVERIES }, () => payload());
    for (const answer of await Promise.all(bodies.map((body) => app.post(body)))) expect(answer.status).toBe(200);
    await until('all are completed', async () => (await app.inbox.stats()).completed === DELIVERIES);
    return { lines: app.logger.lines, completed: app.nest.get(RememberEvents).events.length };
  }

  it('that throws, or rejects, harms nobody and is told of once a minute', async () => {
    const heard = new Map<string, number>();
    for (const name of occurrences) {
      const listeners = [
        () => {
          heard.set(name, (heard.get(name) ?? 0) + 1);
          throw new TypeError('of a listener');
        },
        () => Promise.reject(new RangeError('of another')),
      ];
      for (const listener of listeners) subscriptions.push(onOccurrence(name, listener));
    }
    const { lines, completed } = await processed();
    expect(completed).toBe(DELIVERIES);
    expect(heard.get('settled')).toBe(DELIVERIES);
    const told = lines.filter((line) => line.includes('A listener of the occurrence "settled" threw:'));
    expect(told.map((line) => line.replace(/^ERROR (.*) Cr3dentialsWebhook$/, '$1'))).toEqual([
      'A listener of the occurrence "settled" threw: TypeError',
      'A listener of the occurrence "settled" threw: RangeError',
    ]);
  });

  it('hears nothing any more once its subscription has ended', async () => {
    let heard = 0;
    onOccurrence('received', () => heard++)();
    const app = await host.start();
    await app.post(payload());
    expect(heard).toBe(0);
    expect(channel('cr3dentials-webhook:received').hasSubscribers).toBe(false);
  });
});
