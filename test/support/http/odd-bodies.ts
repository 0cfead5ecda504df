import { gzipSync } from 'node:zlib';
import { payload } from '../app/payload.js';
import { JSON_TYPE, WITH_SECRET, type RawPost } from './raw-post.js';

/** Stands in the odd bodies, and may stand nowhere else. */
export const PERSON = 'Marie-Sklodowska-4711';

export type OddBody = readonly [name: string, post: RawPost];

/** What the contract wants, had it not been sent so oddly. */
const good = JSON.stringify(payload({ sessionId: 'odd', extractedData: { accountHolder: PERSON, other: 'ö' } }));

/** Answered 400: no JSON object that both platforms would read alike. */
export const unreadable: readonly OddBody[] = [
  ['nothing', { content: '' }],
  ['nothing, in chunks', { content: '', chunked: true }],
  ['white space', { content: ' \r\n\t ' }],
  ['white space, in chunks', { content: ' \r\n\t ', chunked: true }],
  ['a byte order mark', { content: '\uFEFF' }],
  ['a byte order mark, in chunks', { content: '\uFEFF', chunked: true }],
  ['a byte order mark and white space', { content: '\uFEFF \n' }],
  ['an empty object', { content: '{}' }],
  ['an empty object, in white space', { content: ' {\n} ' }],
  ['an empty object, in chunks', { content: '{}', chunked: true }],
  ['an empty object, after a byte order mark', { content: '\uFEFF{}' }],
  ['two byte order marks', { content: `\uFEFF\uFEFF${good}` }],
  ['null', { content: 'null' }],
  ['true', { content: 'true' }],
  ['a number', { content: '4711' }],
  ['a string', { content: `"${PERSON}"` }],
  ['a string that holds JSON', { content: JSON.stringify(good) }],
  ['a list', { content: `[${good}]` }],
  ['an empty list', { content: '[]' }],
  ['not JSON', { content: `name: ${PERSON}` }],
  ['JSON cut off', { content: good.slice(0, -20) }],
  ['JSON cut off, in chunks', { content: good.slice(0, -20), chunked: true }],
  ['JSON with more behind it', { content: `${good} ${PERSON}` }],
  ['two JSON objects', { content: good + good }],
  ['JSON in other quotes', { content: `{'name':'${PERSON}'}` }],
  ['JSON with a comma too many', { content: `{"name":"${PERSON}",}` }],
  ['JSON with a comment', { content: `{"name":"${PERSON}"} // yes` }],
  ['NaN', { content: `{"name":"${PERSON}","value":NaN}` }],
  ['U+0000 in a string', { content: `{"name":"${PERSON}\0"}` }],
  ['U+0000 around it', { content: `${good}\0` }],
  ['a line break in a string', { content: `{"name":"${PERSON}\n"}` }],
  ['half an escape', { content: `{"name":"${PERSON}\\u12"}` }],
  ['UTF-16', { content: Buffer.from(good, 'utf16le') }],
  ['UTF-16 with its mark', { content: Buffer.from(`\uFEFF${good}`, 'utf16le') }],
  ['UTF-32', { content: Buffer.from([...good].flatMap((character) => [character.codePointAt(0) ?? 0, 0, 0, 0])) }],
  ['a form in the place of JSON', { content: `sessionId=odd&status=COMPLETED&platformId=1&name=${PERSON}` }],
  ['gzip that does not say so', { content: gzipSync(good) }],
  ['__proto__', { content: within(`{"__proto__":{"name":"${PERSON}"}}`) }],
  ['__proto__ at the top', { content: `{"__proto__":null,${good.slice(1)}` }],
  ['__proto__ in escapes', { content: within(`{"\\u005f_proto_\\u005f":"${PERSON}"}`) }],
  ['__proto__ in lists', { content: within(`{"list":[[{"__proto__":"${PERSON}"}]]}`) }],
  ['constructor.prototype', { content: within(`{"constructor":{"prototype":{"name":"${PERSON}"}}}`) }],
  ['constructor.prototype of null', { content: within('{"constructor":{"prototype":null}}') }],
  ['constructor.prototype in escapes', { content: within('{"c\\u006fnstructor":{"prot\\u006ftype":1}}') }],
  ['objects 65 levels deep', { content: within(nested(63, `{"name":"${PERSON}"}`)) }],
  ['lists 65 levels deep', { content: within(`{"list":${'['.repeat(62)}["${PERSON}"]${']'.repeat(62)}}`) }],
  ['objects 4000 levels deep', { content: within(nested(4_000, `"${PERSON}"`)) }],
  ['lists 40 000 levels deep', { content: within(`{"list":${'['.repeat(40_000)}${']'.repeat(40_000)}}`) }],
];

/** Answered 415: not JSON in UTF-8, or not saying so. */
export const notJson: readonly OddBody[] = [
  ['nothing at all', { content: '', headers: [WITH_SECRET] }],
  ['nothing at all, in chunks', { content: '', headers: [WITH_SECRET], chunked: true }],
  ['JSON that does not say so', { content: good, headers: [WITH_SECRET] }],
  ...[
    '',
    ';',
    'json',
    '*/*',
    'application/*',
    'application/jsonp',
    'application/+json',
    'application/vnd.api+jsonp',
    'application/json+xml',
    'text/vnd.api+json',
    'application/vnd.api+json; charset=utf-16',
    'application/json; charset=utf88',
    'application/json, text/plain',
    'application /json',
    'application/octet-stream',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/json',
    'text/plain',
    'text/plain; application/json',
    'application/json; charset=',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=utf-16le',
    'application/json; charset=iso-8859-1',
    'application/json; charset=nobody-knows',
    'application/json; charset=utf-16; charset=utf-8',
  ].map((type) => as(type, good)),
  as('application/x-www-form-urlencoded', `sessionId=odd&status=COMPLETED&platformId=1&name=${PERSON}`),
  as('application/x-www-form-urlencoded', `name[__proto__]=${PERSON}&${'[a]'.repeat(200)}=1`),
  as('application/json; charset=utf-16le', Buffer.from(good, 'utf16le')),
  as('application/json; charset=utf-7', '{"sessionId":"+AGE-"}'),
  ['its type after another', { content: good, headers: [WITH_SECRET, ['Content-Type', 'text/plain'], JSON_TYPE] }],
  ...['', 'gzip', 'deflate', 'br', 'nobody-knows', 'identity, gzip'].map((encoding) => encoded(encoding, good)),
  encoded('gzip', gzipSync(good)),
  encoded('gzip', gzipSync(good).subarray(0, 30)),
];

/** Read as what they are, however odd. */
export const readable: readonly OddBody[] = [
  ['good', { content: good }],
  ['good, in chunks', { content: good, chunked: true }],
  ['good, after a byte order mark', { content: `\uFEFF${good}` }],
  ['good, with a field twice', { content: `{"sessionId":"earlier",${good.slice(1)}` }],
  [
    'broken UTF-8',
    {
      content: Buffer.concat([
        Buffer.from(within('{"a":"').slice(0, -1)),
        Buffer.from([0xff, 0xc3, 0x28, 0xf0, 0x9f]),
        Buffer.from('"}}'),
      ]),
    },
  ],
  ...[
    'application/json; charset=utf-8',
    'application/json; charset=UTF-8',
    'application/json;charset="utf-8"',
    'Application/JSON ; Charset=Utf-8',
    'application/json; boundary=x',
    'application/json;',
    'application/json; charset=utf8',
    'application/json;charset="UTF8"',
    'application/json; charset=us-ascii',
    'application/vnd.api+json',
    'application/problem+json; charset=utf8',
  ].map((type) => as(type, good)),
  ['its type before another', { content: good, headers: [WITH_SECRET, JSON_TYPE, ['Content-Type', 'text/plain']] }],
  encoded('identity', good),
  encoded('Identity', good),
  ['__proto__ as a value', { content: within('{"a":"__proto__"}') }],
  ['constructor as a key', { content: within('{"constructor":"a","x":{"constructor":null},"y":{"constructor":{}}}') }],
  ['prototype as a key', { content: within('{"prototype":{"constructor":1}}') }],
  ['hasOwnProperty as a key', { content: `{"hasOwnProperty":1,"toJSON":1,"then":1,${good.slice(1)}` }],
  ['objects 64 levels deep', { content: within(nested(62, `{"name":"${PERSON}"}`)) }],
  ['lists 64 levels deep', { content: within(`{"list":${'['.repeat(61)}["${PERSON}"]${']'.repeat(61)}}`) }],
  [
    'numbers past every range',
    { content: within('{"a":1e999,"b":-1e999,"c":1e-999,"d":123456789012345678901234567890}') },
  ],
  ['an infinite platformId', { content: good.replace('"platformId":1', '"platformId":1e999') }],
  ['no documented field', { content: '{"a":1}' }],
  [
    'a field of every wrong type',
    {
      content:
        '{"sessionId":{},"status":[],"platformId":"","extractedData":1,"metadata":"","proofHash":{},"completedAt":[],"externalReferenceId":false}',
    },
  ],
];

export const tooLarge: readonly OddBody[] = [
  ['too large', { content: large() }],
  ['too large, in chunks', { content: large(), chunked: true }],
  ['too large, and no JSON', { content: PERSON.repeat(100_000) }],
];

/** In a delivery that is otherwise as it should be. */
function within(extractedData: string): string {
  return `{"sessionId":"odd","status":"COMPLETED","platformId":1,"extractedData":${extractedData}}`;
}

function nested(levels: number, innermost: string): string {
  return '{"a":'.repeat(levels) + innermost + '}'.repeat(levels);
}

function as(type: string, content: string | Buffer): OddBody {
  return [`“${type}”, ${content.length} long`, { content, headers: [WITH_SECRET, ['Content-Type', type]] }];
}

function encoded(encoding: string, content: string | Buffer): OddBody {
  const headers = [WITH_SECRET, JSON_TYPE, ['Content-Encoding', encoding]] as const;
  return [`encoded as “${encoding}”, ${content.length} long`, { content, headers }];
}

function large(): string {
  return within(`{"all":"${PERSON.repeat(100_000)}"}`);
}
