import { describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { RememberEvents } from '../../support/app/doubles.js';
import { sharedHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms, type WebhookAppBuilder } from '../../support/app/webhook-app.js';

const hosts: [string, (a: WebhookAppBuilder) => WebhookAppBuilder][] = [
  ['with rawBody', (a) => a.withRawBody()],
  ['without rawBody', (a) => a],
  ['without a parser', (a) => a.withoutBodyParser()],
];

describe.each(platforms)('the content type of a delivery, on %s', (platform) => {
  describe.each(hosts)('in a host %s', (_, configure) => {
    const host = sharedHost('sqlite', (a) => configure(a.on(platform).withHandlers(RememberEvents)));

    it.each([
      'application/json',
      'application/json; charset=utf-8',
      'application/json;charset=utf8',
      'application/json; charset="UTF8"',
      'application/json; charset=us-ascii',
      'application/vnd.cr3dentials+json',
      'Application/CloudEvents+JSON; charset=UTF-8',
    ])('may be %s', async (type) => {
      const body = payload({ extractedData: { accountHolder: 'Ångström' } });
      expect(await host.app.post(body, { headers: { 'content-type': type } })).toMatchObject({ status: 200 });
      await host.app.delivery(body.sessionId, 'completed');
      const [event] = host.app.nest.get(RememberEvents).of(body.sessionId);
      expect(event?.extractedData).toEqual({ accountHolder: 'Ångström' });
    });

    it.each<[string, Record<string, string>, (text: string) => string | Buffer]>([
      ['gzip', {}, gzipSync],
      [
        'another charset',
        { 'content-type': 'application/json; charset=utf-16le' },
        (text: string) => Buffer.from(text, 'utf16le'),
      ],
      ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, (text: string) => text],
    ])('is answered 415, counted and logged: %s', async (name, headers, encode) => {
      const before = (await host.app.inbox.stats()).refused['media-type'];
      const encoding: Record<string, string> = name === 'gzip' ? { 'content-encoding': 'gzip' } : {};
      const answer = await host.app.post(encode(JSON.stringify(payload())), { headers: { ...headers, ...encoding } });
      expect(answer).toMatchObject({ status: 415 });
      expect((await host.app.inbox.stats()).refused['media-type']).toBe(before + 1);
      expect(host.app.logger.matching(/^WARN Answered 415 to \d+ POST/).length).toBeGreaterThan(0);
    });
  });
});
