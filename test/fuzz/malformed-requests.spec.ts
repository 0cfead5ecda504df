import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SECRET } from '../support/app/canaries.js';
import { EveryHost } from '../support/app/every-host.js';
import { readStoredRows } from '../support/database/stored-rows.js';
import { payload } from '../support/app/payload.js';
import { sendRaw } from '../support/network/raw-connection.js';

const body = (): string => JSON.stringify(payload());
const length = (content: string): string => `Content-Length: ${Buffer.byteLength(content)}`;
const chunk = (content: string): string => `${Buffer.byteLength(content).toString(16)}\r\n${content}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked';
const END = '0\r\n\r\n';

/** A POST of a good sender, but for these headers of its own. */
function post(headers: readonly string[], content: string, start = 'POST /webhook/cr3dentials HTTP/1.1'): string {
  const usual = ['Host: localhost', `X-API-Key: ${SECRET}`, 'Content-Type: application/json'];
  return [start, ...usual, ...headers, '', content].join('\r\n');
}

const good = (content = body()): string => post([length(content)], content);
const chunked = (content: string): string => post([CHUNKED, 'Connection: close'], content);
const last = (content = body()): string => post([length(content), 'Connection: close'], content);

/** The framing is wrong: where a body ends could be read in two ways, or in none. */
const unframed: [what: string, request: () => string][] = [
  ['two lengths', () => post([length(body()), 'Content-Length: 7'], body())],
  ['two lengths in one header', () => post(['Content-Length: 7, 7'], body())],
  ['a length below zero', () => post(['Content-Length: -1'], body())],
  ['a length with a sign', () => post(['Content-Length: +7'], body())],
  ['a length in another base', () => post(['Content-Length: 0x7'], body())],
  ['a length beyond all numbers', () => post([`Content-Length: ${'9'.repeat(40)}`], body())],
  ['a length and chunks', () => post([length(body()), CHUNKED], chunk(body()) + END)],
  ['chunks and a length', () => post([CHUNKED, length(body())], chunk(body()) + END)],
  ['chunks that are not the last encoding', () => post(['Transfer-Encoding: chunked, identity'], chunk(body()) + END)],
  ['an encoding that nobody knows', () => post(['Transfer-Encoding: xchunked'], chunk(body()) + END)],
  ['a chunk without a size', () => post([CHUNKED], `\r\n${body()}\r\n${END}`)],
  ['a chunk whose size is no number', () => post([CHUNKED], `zz\r\n${body()}\r\n${END}`)],
  ['a chunk whose size is below zero', () => post([CHUNKED], `-5\r\n${body()}\r\n${END}`)],
  ['a chunk whose size is beyond all numbers', () => post([CHUNKED], `${'f'.repeat(17)}\r\n${body()}\r\n${END}`)],
  ['a chunk that is longer than its size', () => post([CHUNKED], `5\r\n${body()}\r\n${END}`)],
  ['a chunk whose size ends without a return', () => post([CHUNKED], chunk(body()).replace('\r\n', '\n') + END)],
];

/** The head is wrong. */
const headless: [what: string, request: () => string][] = [
  ['no host', () => good().replace('Host: localhost\r\n', '')],
  ['a space before a colon', () => good().replace('X-API-Key:', 'X-API-Key :')],
  ['a name with a space', () => post(['X API: 1', length(body())], body())],
  ['a header of no name', () => post([': 1', length(body())], body())],
  ['a line that is no header', () => post(['garbage', length(body())], body())],
  ['a null in a header', () => post(['X-Any: a\0b', length(body())], body())],
  ['a return in a header', () => post(['X-Any: a\rX-API-Key: b', length(body())], body())],
  ['a path with a space', () => post([length(body())], body(), 'POST /webhook/cr3dentials /x HTTP/1.1')],
  ['a version of the future', () => post([length(body())], body(), 'POST /webhook/cr3dentials HTTP/3.0')],
  ['another protocol', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['the beginning of a TLS connection', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
];

describe('a malformed request', () => {
  let every: EveryHost;

  beforeAll(async () => {
    every = await EveryHost.start();
  });

  afterAll(() => every?.stop());

  /** Sends it to every host, which takes a good delivery afterwards, and has no other but those it has said 200 to. */
  async function answersTo(request: string, then?: 'and leaves'): Promise<number[][]> {
    const answers: number[][] = [];
    for (const { app, database } of every.hosts) {
      const before = await readStoredRows(database);
      const statuses = await sendRaw(app.url, request, then);
      expect((await app.post(payload())).status).toBe(200);
      const after = await readStoredRows(database);
      const taken = statuses.filter((status) => status === 200).length;
      expect(after.deliveries.length).toBe(before.deliveries.length + taken + 1);
      expect(after.rejections).toEqual(before.rejections);
      answers.push(statuses);
    }
    return answers;
  }

  it.each([...unframed, ...headless])(
    'is answered 400 by every host and stored nowhere: %s',
    async (_what, request) => {
      expect(await answersTo(request())).toEqual(every.hosts.map(() => [400]));
    },
  );

  it('is answered 431 when its head is larger than Node accepts', async () => {
    const request = post([`X-Any: ${'x'.repeat(20_000)}`, length(body())], body());
    expect(await answersTo(request)).toEqual(every.hosts.map(() => [431]));
  });

  it.each<[string, (content: string) => string]>([
    ['it ends', (content) => post([length(content)], content.slice(0, -1))],
    ['its last chunk', (content) => post([CHUNKED], chunk(content))],
  ])('is answered 400 by every host and stored nowhere when the sender leaves before %s', async (_what, request) => {
    expect(await answersTo(request(body()), 'and leaves')).toEqual(every.hosts.map(() => [400]));
  });

  it.each<[string, number[], () => string]>([
    ['three requests at once', [200, 200, 200], () => good() + good() + last()],
    ['chunks of a byte', [200], () => chunked([...body()].map(chunk).join('') + END)],
    ['chunks with extensions', [200], () => chunked(chunk(body()).replace('\r\n', ';a=b\r\n') + END)],
    ['chunks with a trailer', [200], () => chunked(`${chunk(body())}0\r\nX-API-Key: x\r\n\r\n`)],
    ['the protocol of before', [200], () => last().replace('HTTP/1.1', 'HTTP/1.0')],
    ['empty lines before it', [200], () => `\r\n\r\n${last()}`],
    ['an expectation', [100, 200], () => post(['Expect: 100-continue', length(body()), 'Connection: close'], body())],
  ])('is not a request with %s, which is answered 200', async (_what, statuses, request) => {
    expect(await answersTo(request())).toEqual(every.hosts.map(() => statuses));
  });
});
