import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { freshHost } from '../support/app/fresh-host.js';
import { SECRET, type WebhookApp } from '../support/app/webhook-app.js';
import { run, summaryOf } from './command-line.js';

const host = freshHost('sqlite');
const environment = { CR3D_WEBHOOK_SECRET: SECRET };
let app: WebhookApp;
let folder: string;
let to: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cr3d-resend-'));
  app = await host.start((builder) => builder.withRawBody());
  to = ['--url', `${app.url}/webhook/cr3dentials`, '--secret-env', 'CR3D_WEBHOOK_SECRET', '--json'];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function stored(content: string): Promise<string> {
  const file = join(folder, 'stored.jsonl');
  await writeFile(file, content);
  return file;
}

describe('resend', () => {
  it('delivers one payload on many lines, byte for byte', async () => {
    const text = JSON.stringify(verificationPayload({ sessionId: 's-1' }), null, 2).replace(
      '"platformId": ',
      '"number": 12345678901234567890,\n  "platformId": ',
    );
    const result = await run(['resend', await stored(`${text}\n`), ...to], { environment });
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(summaryOf(result)).toMatchObject({ deliveries: 1, delivered: 1 });
    expect((await app.inbox.find({ sessionId: 's-1' }))?.rawBody).toBe(text);
  });

  it('delivers one payload on each line, in their order', async () => {
    const payloads = Array.from({ length: 30 }, (_, index) => verificationPayload({ seed: index }));
    const lines = payloads.map((payload) => JSON.stringify(payload));
    const conflict = JSON.stringify({ ...payloads[0], status: 'ERROR' });
    const file = await stored(`\n${[...lines, conflict].join('\r\n\n')}\n`);
    const result = await run(['resend', file, ...to], { environment });
    expect(summaryOf(result)).toMatchObject({ deliveries: 31, sessions: 30, delivered: 31, statusCodes: { 200: 31 } });
    const newestFirst = (await app.inbox.list()).map(({ sessionId }) => sessionId);
    expect(newestFirst.toReversed()).toEqual(payloads.map(({ sessionId }) => sessionId));
    expect(await app.inbox.rejections.list()).toMatchObject([
      { reason: 'conflict', sessionId: payloads[0]?.sessionId },
    ]);
  });

  it('delivers what is printed into it', async () => {
    const printed = await run(['payload', '--session', 's-1']);
    expect((await run(['resend', '-', ...to], { environment, input: printed.out })).code).toBe(0);
    expect(await app.inbox.find({ sessionId: 's-1' })).not.toBeNull();
  });

  it('delivers what is against the contract too, and ends with 1', async () => {
    const result = await run(['resend', await stored('{"sessionId":"s-1"}'), '--retries', '0', ...to], { environment });
    expect(result.code).toBe(1);
    expect(summaryOf(result).failures).toEqual([{ sessionId: 's-1', attempts: 1, statusCode: 400, error: null }]);
    expect(await app.inbox.rejections.list()).toMatchObject([{ reason: 'invalid', sessionId: 's-1' }]);
  });

  it.each([
    [
      'a line that is no JSON',
      '{"sessionId":"s-1"}\n\n{"sess\n',
      'Line 3 of FILE is not a JSON object. Nothing was sent.',
    ],
    ['a line that is no object', '{"sessionId":"s-1"}\n[]', 'Line 2 of FILE is not a JSON object. Nothing was sent.'],
    ['nothing', '\n \n', 'FILE has no payload.'],
  ])('sends nothing of a file with %s', async (_, content, message) => {
    const file = await stored(content);
    const { code, out, err } = await run(['resend', file, ...to], { environment });
    expect([code, out, err]).toEqual([2, '', `error: ${message.replace('FILE', file)}\n`]);
    expect(await app.inbox.rejections.list()).toEqual([]);
  });
});
