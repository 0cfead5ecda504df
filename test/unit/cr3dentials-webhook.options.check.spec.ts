import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Cr3dentialsWebhookError } from 'nestjs-cr3dentials-webhook';
import { checkExtras, checkOptions } from '../../src/cr3dentials-webhook.options.check.js';
import { thrownBy } from '../support/app/thrown-by.js';

const SECRET = 'k3-of-the-partner-portal';
const auth = { secrets: [SECRET] };

@Injectable()
class Options {}

/** What stops the boot, in one line. */
function refusalOf(check: () => void): string {
  const error = thrownBy(check);
  if (error === undefined) return 'accepted';
  expect(error).toBeInstanceOf(Cr3dentialsWebhookError);
  expect(error).toMatchObject({ code: 'OPTIONS_INVALID' });
  return (error as Error).message;
}

const options = (given: unknown) => refusalOf(() => checkOptions(given));
const extras = (given: object) => refusalOf(() => checkExtras(given));

describe('options that fit', () => {
  it.each([
    ['one secret', { auth }],
    ['several secrets of both forms', { auth: { secrets: ['a', { value: 'b c', id: 'old', notAfter: new Date(0) }] } }],
    ['a header', { auth: { header: 'Authorization', secrets: ['Bearer x'] } }],
    ['a resolver', { auth: { header: 'X-Tenant-Key', resolveSecrets: () => undefined } }],
    ['no authentication', { auth: 'none' }],
    ['every number at its least', leastOptions()],
    ['a retry function', { auth, retry: () => 'dead' }],
    ['options that are undefined', { auth, ackTimeout: undefined, retry: undefined, processing: undefined }],
    ['a frozen object', Object.freeze({ auth })],
    ['an object without a prototype', Object.assign(Object.create(null), { auth })],
  ])('are accepted: %s', (_, given) => {
    expect(options(given)).toBe('accepted');
  });

  it.each([
    ['a route', { auth, path: 'hooks' }],
    ['several routes', { auth, path: ['a', 'b/:tenant'] }],
    ['the others', { auth, dataSource: 'webhooks', isGlobal: true, controllerDecorators: [() => {}] }],
    ['beside a factory', { useFactory: () => ({ auth }), inject: ['x'], imports: [], path: 'hooks' }],
    ['beside a factory with tokens', { useFactory: () => ({ auth }), provideInjectionTokensFrom: [] }],
    ['beside a class', { useClass: Options, isGlobal: false }],
    ['beside an existing provider', { useExisting: Options, dataSource: 'webhooks' }],
  ])('are accepted before any provider exists: %s', (_, given) => {
    expect(extras(given)).toBe('accepted');
  });
});

describe('an unknown option', () => {
  it.each([
    [{ auth: { secert: [SECRET] } }, 'Unknown option "auth.secert". Did you mean "auth.secrets"?'],
    [{ auth: { secret: [SECRET] } }, 'Unknown option "auth.secret". Did you mean "auth.secrets"?'],
    [{ auth: { resolveSecret: () => {} } }, 'Unknown option "auth.resolveSecret". Did you mean "auth.resolveSecrets"?'],
    [
      { auth: { secrets: [{ value: SECRET, nofAfter: new Date() }] } },
      'Unknown option "auth.secrets[0].nofAfter". Did you mean "auth.secrets[0].notAfter"?',
    ],
    [{ auth, ackTimout: 5 }, 'Unknown option "ackTimout". Did you mean "ackTimeout"?'],
    [{ auth, acktimeout: 5 }, 'Unknown option "acktimeout". Did you mean "ackTimeout"?'],
    [
      { auth, processing: { concurency: 5 } },
      'Unknown option "processing.concurency". Did you mean "processing.concurrency"?',
    ],
    [{ auth, retry: { attemps: 5 } }, 'Unknown option "retry.attemps". Did you mean "retry.attempts"?'],
    [{ auth, lease: { durations: 5 } }, 'Unknown option "lease.durations". Did you mean "lease.duration"?'],
    [{ auth, poll: { intervall: 5 } }, 'Unknown option "poll.intervall". Did you mean "poll.interval"?'],
  ])('is answered with the one that was meant: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it.each([
    [
      { auth, wibble: 1 },
      'Unknown option "wibble". Known are "auth", "ackTimeout", "maxQueued", "platforms", "processing", "retry", "lease", "poll".',
    ],
    [
      { auth: { wibble: 1 } },
      'Unknown option "auth.wibble". Known are "auth.header", "auth.secrets", "auth.resolveSecrets".',
    ],
    [{ auth, lease: { wibble: 1 } }, 'Unknown option "lease.wibble". Known are "lease.duration".'],
    [
      { auth, constructor: 1 },
      'Unknown option "constructor". Known are "auth", "ackTimeout", "maxQueued", "platforms", "processing", "retry", "lease", "poll".',
    ],
  ])('that resembles none is answered with those there are: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it('is one even if it is undefined', () => {
    expect(options({ auth, ackTimout: undefined })).toBe('Unknown option "ackTimout". Did you mean "ackTimeout"?');
  });

  it('of forRoot is answered before Nest knows of the module, which would pass over it in silence', () => {
    expect(extras({ auth, pathh: 'hooks' })).toBe('Unknown option "pathh". Did you mean "path"?');
    expect(extras({ useFactory: () => ({}), isGlobl: true })).toBe(
      'Unknown option "isGlobl". Did you mean "isGlobal"?',
    );
  });

  it.each(['auth', 'retry', 'maxQueued'])(
    'of forRootAsync that the factory is to answer is not taken for another: %s',
    (name) => {
      const message = extras({ useFactory: () => ({}), [name]: undefined });
      expect(message).toContain(`"${name}"`);
      expect(message).not.toContain('Did you mean');
    },
  );
});

describe('an ill-typed option', () => {
  it.each([
    [{ auth: 'open' }, 'Option "auth" must be one of "none".'],
    [{ auth: true }, 'Option "auth" must be an object, not a value of type boolean.'],
    [{ auth: null }, 'Option "auth" must be an object, not null.'],
    [{ auth: ['x'] }, 'Option "auth" must be an object, not an array.'],
    [
      { auth: { ...auth, header: '' } },
      'Option "auth.header" must be the name of an HTTP header, such as "X-API-Key".',
    ],
    [
      { auth: { ...auth, header: 'X API' } },
      'Option "auth.header" must be the name of an HTTP header, such as "X-API-Key".',
    ],
    [
      { auth: { ...auth, header: 'X-Clé' } },
      'Option "auth.header" must be the name of an HTTP header, such as "X-API-Key".',
    ],
    [{ auth: { ...auth, header: 7 } }, 'Option "auth.header" must be the name of an HTTP header, such as "X-API-Key".'],
    [{ auth: { secrets: 'x' } }, 'Option "auth.secrets" must be an array, not a value of type string.'],
    [{ auth: { resolveSecrets: {} } }, 'Option "auth.resolveSecrets" must be a function, not a value of type object.'],
    [{ auth, processing: true }, 'Option "processing" must be an object, not a value of type boolean.'],
    [
      { auth, processing: { enabled: 'false' } },
      'Option "processing.enabled" must be true or false, not a value of type string.',
    ],
    [{ auth, retry: 3 }, 'Option "retry" must be an object, not a value of type number.'],
    [{ auth, retry: { jitter: 'half' } }, 'Option "retry.jitter" must be one of "full", "none".'],
    [{ auth, retry: { factor: 0.5 } }, 'Option "retry.factor" must be a number from 1, not 0.5.'],
    [{ auth, retry: { factor: Infinity } }, 'Option "retry.factor" must be a number from 1, not Infinity.'],
    [{ auth, retry: { factor: '2' } }, 'Option "retry.factor" must be a number from 1, not a value of type string.'],
    [{ auth, lease: 30_000 }, 'Option "lease" must be an object, not a value of type number.'],
    [{ auth, poll: null }, 'Option "poll" must be an object, not null.'],
  ])('is answered with what it must be: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it.each([
    [{ path: '' }, 'Option "path" must be a string that is not empty'],
    [{ path: 7 }, 'Option "path" must be an array, not a value of type number.'],
    [{ path: [] }, 'Option "path" is empty. Name at least one route.'],
    [{ path: ['a', null] }, 'Option "path[1]" must be a string that is not empty, not null.'],
    [{ dataSource: {} }, 'Option "dataSource" must be a string that is not empty, not a value of type object.'],
    [{ isGlobal: 1 }, 'Option "isGlobal" must be true or false, not a value of type number.'],
    [
      { controllerDecorators: () => {} },
      'Option "controllerDecorators" must be an array, not a value of type function.',
    ],
    [
      { controllerDecorators: ['Public'] },
      'Option "controllerDecorators[0]" must be a function, not a value of type string.',
    ],
  ])('among those that Nest needs at once is answered too: %j', (given, message) => {
    expect(extras({ auth, ...given })).toContain(message);
    expect(extras({ useFactory: () => ({ auth }), ...given })).toContain(message);
  });

  it.each(numbers())('is answered with the numbers it may be: %s from %d', (name, least) => {
    const range = `must be a whole number from ${least} to 2147483647, not`;
    expect(options(withNumber(name, least - 1))).toBe(`Option "${name}" ${range} ${least - 1}.`);
    expect(options(withNumber(name, least + 0.5))).toBe(`Option "${name}" ${range} ${least + 0.5}.`);
    expect(options(withNumber(name, 2_147_483_648))).toBe(`Option "${name}" ${range} 2147483648.`);
    expect(options(withNumber(name, NaN))).toBe(`Option "${name}" ${range} NaN.`);
    expect(options(withNumber(name, '1000'))).toBe(`Option "${name}" ${range} a value of type string.`);
    expect(options(withNumber(name, null))).toBe(`Option "${name}" ${range} null.`);
  });

  it.each([null, undefined, 'none', 7, true])('is the whole of them: %j', (given) => {
    expect(options(given)).toBe(
      'The options must be an object. Pass { auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] } }.',
    );
  });
});

function numbers(): [name: string, least: number][] {
  return [
    ['ackTimeout', 1],
    ['maxQueued', 1],
    ['processing.concurrency', 1],
    ['processing.handlerTimeout', 1],
    ['processing.drainTimeout', 0],
    ['retry.attempts', 1],
    ['retry.initialDelay', 0],
    ['retry.maxDelay', 0],
    ['lease.duration', 100],
    ['poll.interval', 1],
  ];
}

function withNumber(path: string, value: unknown): Record<string, unknown> {
  const [group = '', name] = path.split('.');
  return { auth, [group]: name === undefined ? value : { [name]: value } };
}

function leastOptions(): Record<string, unknown> {
  const all: Record<string, unknown> = { auth };
  for (const [path, least] of numbers()) {
    const [group = '', name] = path.split('.');
    all[group] = name === undefined ? least : { ...Object(all[group]), [name]: least };
  }
  return all;
}
