import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { METHODS } from 'node:http';
import { brotliCompressSync, brotliDecompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { EveryHost, type NamedPost } from '../support/app/every-host.js';
import { payload } from '../support/app/payload.js';
import { openPlaces, type Place } from '../support/app/payload-places.js';
import { JSON_TYPE, WITH_SECRET } from '../support/http/raw-post.js';

jest.setTimeout(120_000);

const MIB = 1024 * 1024;
const [anyValue] = openPlaces as [Place];
const zeros = Buffer.alloc(64 * MIB);
const brotli = brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });

const bombs: [encoding: string, content: Buffer][] = [
  ['gzip', gzipSync(zeros, { level: 1 })],
  ['deflate', deflateSync(zeros, { level: 1 })],
  ['br', brotli],
  ['gzip, gzip', gzipSync(gzipSync(zeros, { level: 1 }))],
];

/** Nearly as large as a body may be. */
const deep: [name: string, text: string][] = [
  ['lists in lists', '['.repeat(500_000) + ']'.repeat(500_000)],
  ['lists that never end', '['.repeat(1_000_000)],
  ['objects in objects', `${'{"a":'.repeat(160_000)}1${'}'.repeat(160_000)}`],
  ['objects that never end', '{"a":'.repeat(200_000)],
  ['lists and objects by turns', `${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}`],
];
const wide: [name: string, text: string][] = [
  ['many lists', `[${'[],'.repeat(75_000)}[]]`],
  ['many keys', `{${Array.from({ length: 20_000 }, (_, key) => `"k${key}":1`).join(',')}}`],
  ['one key many times', `{${'"k":1,'.repeat(150_000)}"k":2}`],
  ['many digits', '9'.repeat(1_000_000)],
  ['many escapes', `"${String.raw`\u0000`.repeat(160_000)}"`],
  ['many lone surrogates', `"${String.raw`\ud800`.repeat(160_000)}"`],
];

describe('odd requests, to the same app on every database and platform', () => {
  let every: EveryHost;

  beforeAll(async () => {
    every = await EveryHost.start();
  });

  afterAll(() => every?.stop());

  it('are answered 404 with every other method', async () => {
    // CONNECT asks for a tunnel, which Node itself refuses by closing the connection.
    const methods = METHODS.filter((method) => method !== 'POST' && method !== 'CONNECT');
    const posts = methods.map((method): NamedPost => ({ name: method, method, content: good() }));
    expect(await every.compare(posts)).toEqual(allOf(posts, 404));
  });

  it('are answered 415 when they would be large once inflated', async () => {
    expect(brotliDecompressSync(brotli).length).toBeGreaterThan(1_000 * brotli.length);
    const posts = bombs.map(([name, content]): NamedPost => ({
      name,
      content,
      headers: [WITH_SECRET, JSON_TYPE, ['Content-Encoding', name]],
    }));
    expect(await every.compare(posts)).toEqual(allOf(posts, 415));
  });

  it('are answered 400 when they are nested too deeply', async () => {
    const posts = deep.flatMap(([name, text]): NamedPost[] => [
      { name, content: text },
      { name: `${name}, within`, content: anyValue.around(text, name) },
    ]);
    expect(await every.compare(posts)).toEqual(allOf(posts, 400));
  });

  it('are answered 200 when they are wide', async () => {
    for (const [name, text] of wide) {
      // One at a time: all hosts share this process, and each has to answer within its `ackTimeout`.
      const posts = [{ name, content: anyValue.around(text, name) }];
      expect(await every.compare(posts)).toEqual(allOf(posts, 200));
    }
  });

  it.each<[string, number, NonNullable<NamedPost['headers']>]>([
    ['the secret twice', 401, [WITH_SECRET, WITH_SECRET, JSON_TYPE]],
    ['the secret after another', 401, [['X-API-Key', 'another'], WITH_SECRET, JSON_TYPE]],
    ['the secret in other letters', 401, [['X-API-Key', WITH_SECRET[1].toUpperCase()], JSON_TYPE]],
    ['the secret beyond ASCII', 401, [['X-API-Key', `${WITH_SECRET[1]}\u00e9`], JSON_TYPE]],
    ['a secret of 8 000 characters', 401, [['X-API-Key', 'x'.repeat(8_000)], JSON_TYPE]],
    ['the type twice', 200, [WITH_SECRET, JSON_TYPE, JSON_TYPE]],
    ['a type of 8 000 characters', 200, [WITH_SECRET, ['Content-Type', `application/json; x=${'y'.repeat(8_000)}`]]],
    ['names of prototypes', 200, [WITH_SECRET, JSON_TYPE, ['__proto__', '1'], ['constructor', '2'], ['toString', '3']]],
    ['another method', 200, [WITH_SECRET, JSON_TYPE, ['X-HTTP-Method-Override', 'DELETE']]],
    [
      'what caches ask',
      200,
      [WITH_SECRET, JSON_TYPE, ['If-None-Match', '*'], ['Range', 'bytes=0-1'], ['Accept', 'x/y']],
    ],
    ['hundreds more', 200, [WITH_SECRET, JSON_TYPE, ...Array.from({ length: 900 }, (_, n) => [`h${n}`, '1'] as const)]],
  ])('are answered the same with these headers: %s (%d)', async (name, status, headers) => {
    const posts = [{ name, content: good(), headers }];
    expect(await every.compare(posts)).toEqual(allOf(posts, status));
  });
});

function good(): string {
  return JSON.stringify(payload());
}

function allOf(posts: readonly NamedPost[], status: number) {
  return { statuses: { [status]: posts.length }, disagreements: [] };
}
