import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { BodyReader } from '../../../src/http/body.reader.js';
import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import { isJson, JsonBodyGuard } from '../../../src/http/json-body.guard.js';
import { WebhookException } from '../../../src/http/webhook.exception.js';

const guard = new JsonBodyGuard(new BodyReader(1_000, new Instrumentation()));

function refusalOf(body: unknown): WebhookException | undefined {
  const request = { headers: { 'content-type': 'application/json' }, body };
  try {
    guard.canActivate({ switchToHttp: () => ({ getRequest: () => request }) } as ExecutionContext);
    return undefined;
  } catch (error) {
    if (error instanceof WebhookException) return error;
    throw error;
  }
}

describe('a content type', () => {
  it.each([
    'application/json',
    'Application/JSON',
    ' application/json ; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json; version=1',
    'application/json; version=1; charset=utf-8',
    'application/json;charset=utf8',
    'application/json; charset="UTF8"',
    'application/json; charset=us-ascii',
    'application/json; charset=ascii',
    'application/vnd.cr3dentials.v1+json',
    'Application/CloudEvents+JSON; charset=utf8',
  ])('is that of JSON: %s', (type) => {
    expect(isJson({ 'content-type': type })).toBe(true);
  });

  it.each([
    undefined,
    '',
    'json',
    'application/json-seq',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8-bom',
    'application/json; charset=utf-82',
    'application/json; charset=charset=utf-8',
    'application/json; charset="utf-8"x',
    'application/json; charset=',
    'application/json; charset="utf8',
    'application/json; charset=utf--8',
    'application/json; charset=ascii-8',
    'application/+json',
    'application/json+xml',
    'text/vnd.api+json',
  ])('is not that of JSON in UTF-8: %s', (type) => {
    expect(isJson({ 'content-type': type })).toBe(false);
  });

  it.each([
    ['identity', true],
    ['Identity', true],
    ['gzip', false],
    ['identity, gzip', false],
  ])('goes with the encoding %s: %p', (encoding, expected) => {
    expect(isJson({ 'content-type': 'application/json', 'content-encoding': encoding })).toBe(expected);
  });
});

describe('a body', () => {
  it.each<object>([
    { constructor: null },
    { constructor: 'text' },
    { constructor: 4711 },
    { constructor: {} },
    { constructor: { name: 'x' } },
    { constructor: ['prototype'] },
    { prototype: {} },
    { prototype: { constructor: {} } },
    { toString: null, hasOwnProperty: 1 },
    { list: ['constructor', '__proto__', [null]] },
  ])('is plain: %j', (body) => {
    expect(refusalOf(body)).toBeUndefined();
    expect(refusalOf({ within: [{ it: body }] })).toBeUndefined();
  });

  it.each([
    '{ "__proto__": null }',
    '{ "__proto__": {} }',
    '{ "constructor": { "prototype": null } }',
    '{ "constructor": { "prototype": {} } }',
    '{ "constructor": { "name": 1, "prototype": [] } }',
  ])('reaches a prototype: %s', (text) => {
    expect(refusalOf(JSON.parse(text))?.getStatus()).toBe(400);
    expect(refusalOf({ within: [{ it: JSON.parse(text) as unknown }] })?.getStatus()).toBe(400);
  });

  it.each<[string, (within: unknown) => unknown]>([
    ['objects', (within) => ({ within })],
    ['lists', (within) => [within]],
  ])('may be 64 levels deep, and no deeper: %s', (_, around) => {
    const deep = (levels: number) => ({
      body: Array.from({ length: levels - 1 }).reduce<unknown>((within) => around(within), 1),
    });
    expect(refusalOf(deep(64))).toBeUndefined();
    expect(refusalOf(deep(65))?.getStatus()).toBe(400);
  });
});
