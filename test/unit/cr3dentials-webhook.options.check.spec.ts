import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Cr3dentialsWebhookError } from 'nestjs-cr3dentials-webhook';
import { parseExtras, parseOptions } from '../../src/cr3dentials-webhook.options.js';
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

const options = (given: unknown) => refusalOf(() => parseOptions(given));
const extras = (given: object) => refusalOf(() => parseExtras(given));

class Followed {
  readonly name = 'of a host';

  start(): void {}
}

describe('options that fit', () => {
  it.each([
    ['one secret', { auth }],
    ['several secrets of both forms', { auth: { secrets: ['a', { value: 'b c', id: 'old', notAfter: new Date(0) }] } }],
    ['a header', { auth: { header: 'Authorization', secrets: ['Bearer x'] } }],
    ['a resolver', { auth: { header: 'X-Tenant-Key', resolveSecrets: () => undefined } }],
    ['no authentication', { auth: 'none' }],
    ['every number at its least', leastOptions()],
    ['a retry function', { auth, processing: { retry: () => 'dead' } }],
    ['telemetry', { auth, telemetry: { start: () => {} } }],
    ['telemetry of a class, in a list', { auth, telemetry: [new Followed(), { quiet: (work: () => void) => work() }] }],
    ['options that are undefined', { auth, receiving: { ackTimeout: undefined }, processing: undefined }],
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
    [
      { auth, telemetry: { aroud: () => {}, start: () => {} } },
      'Unknown option "telemetry.aroud". Did you mean "telemetry.around"?',
    ],
    [{ auth: { secert: [SECRET] } }, 'Unknown option "auth.secert". Did you mean "auth.secrets"?'],
    [{ auth: { secret: [SECRET] } }, 'Unknown option "auth.secret". Did you mean "auth.secrets"?'],
    [{ auth: { resolveSecret: () => {} } }, 'Unknown option "auth.resolveSecret". Did you mean "auth.resolveSecrets"?'],
    [
      { auth: { secrets: [{ value: SECRET, nofAfter: new Date() }] } },
      'Unknown option "auth.secrets[0].nofAfter". Did you mean "auth.secrets[0].notAfter"?',
    ],
    [{ auth, procesing: {} }, 'Unknown option "procesing". Did you mean "processing"?'],
    [
      { auth, receiving: { acktimeout: 5 } },
      'Unknown option "receiving.acktimeout". Did you mean "receiving.ackTimeout"?',
    ],
    [
      { auth, processing: { concurency: 5 } },
      'Unknown option "processing.concurency". Did you mean "processing.concurrency"?',
    ],
    [
      { auth, processing: { retry: { attemps: 5 } } },
      'Unknown option "processing.retry.attemps". Did you mean "processing.retry.attempts"?',
    ],
    [{ auth, processing: { leases: 5 } }, 'Unknown option "processing.leases". Did you mean "processing.lease"?'],
    [{ auth, processing: { poll: 5 } }, 'Unknown option "processing.poll". Did you mean "processing.pollInterval"?'],
  ])('is answered with the one that was meant: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it.each([
    [{ auth, ackTimeout: 5 }, 'ackTimeout', 'receiving.ackTimeout'],
    [{ auth, ackTimout: 5 }, 'ackTimout', 'receiving.ackTimeout'],
    [{ auth, maxQueued: 5 }, 'maxQueued', 'receiving.maxQueued'],
    [{ auth, retry: { attempts: 1 } }, 'retry', 'processing.retry'],
    [{ auth, lease: { duration: 5 } }, 'lease', 'processing.lease'],
    [{ auth, poll: { interval: 5 } }, 'poll', 'processing.pollInterval'],
    [{ auth, concurrency: 5 }, 'concurrency', 'processing.concurrency'],
    [{ secrets: [SECRET] }, 'secrets', 'auth.secrets'],
    [{ secret: SECRET }, 'secret', 'auth.secrets'],
    [{ auth, notAfter: new Date() }, 'notAfter', 'auth.secrets[].notAfter'],
    [{ auth, processing: { ackTimeout: 5 } }, 'processing.ackTimeout', 'receiving.ackTimeout'],
    [{ auth, processing: { attempts: 5 } }, 'processing.attempts', 'processing.retry.attempts'],
    [{ auth, receiving: { drainTimeout: 5 } }, 'receiving.drainTimeout', 'processing.drainTimeout'],
    [{ auth, receiving: { platforms: {} } }, 'receiving.platforms', 'platforms'],
  ])('at another level is answered with where it belongs: %j', (given, name, path) => {
    const message = `Unknown option "${name}". Did you mean "${path}"?`;
    expect(options(given)).toBe(message);
    expect(extras(given)).toBe(message);
  });

  it.each([
    [
      { auth, wibble: 1 },
      'Unknown option "wibble". Known are "auth", "database", "receiving", "platforms", "processing", "encryption", "retention", "telemetry", "observe", "onAction".',
    ],
    [
      { auth: { wibble: 1 } },
      'Unknown option "auth.wibble". Known are "auth.header", "auth.secrets", "auth.resolveSecrets".',
    ],
    [
      { auth, receiving: { wibble: 1 } },
      'Unknown option "receiving.wibble". Known are "receiving.ackTimeout", "receiving.maxQueued", "receiving.maxQueuedBytes".',
    ],
    [
      { auth, constructor: 1 },
      'Unknown option "constructor". Known are "auth", "database", "receiving", "platforms", "processing", "encryption", "retention", "telemetry", "observe", "onAction".',
    ],
  ])('that resembles none is answered with those there are: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it('is one even if it is undefined', () => {
    expect(options({ auth, platform: undefined })).toBe('Unknown option "platform". Did you mean "platforms"?');
  });

  it('of forRoot is answered before Nest knows of the module, which would pass over it in silence', () => {
    expect(extras({ auth, pathh: 'hooks' })).toBe('Unknown option "pathh". Did you mean "path"?');
    expect(extras({ useFactory: () => ({}), isGlobl: true })).toBe(
      'Unknown option "isGlobl". Did you mean "isGlobal"?',
    );
    expect(extras({ useFactory: () => ({}), ackTimeout: 5 })).toBe(
      'Unknown option "ackTimeout". Did you mean "receiving.ackTimeout"?',
    );
  });

  it.each(['auth', 'database', 'processing', 'receiving'])(
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
    [{ auth, receiving: null }, 'Option "receiving" must be an object, not null.'],
  ])('is answered with what it must be: %j', (given, message) => {
    expect(options(given)).toBe(message);
  });

  it.each([
    [3, ' must be an object, not a value of type number.'],
    [{ jitter: 'half' }, '.jitter" must be one of "full", "none".'],
    [{ factor: 0.5 }, '.factor" must be a number from 1, not 0.5.'],
    [{ factor: Infinity }, '.factor" must be a number from 1, not Infinity.'],
    [{ factor: '2' }, '.factor" must be a number from 1, not a value of type string.'],
  ])('of the retries is answered with what it must be: %j', (retry, message) => {
    expect(options({ auth, processing: { retry } })).toBe(
      `Option "processing.retry${message.startsWith('.') ? '' : '"'}${message}`,
    );
  });

  it.each([
    [{ path: '' }, 'Option "path" is empty. Write a path such as "webhook/cr3dentials", or "/".'],
    [{ path: ['a', ''] }, 'Option "path[1]" is empty. Write a path such as "webhook/cr3dentials", or "/".'],
    [{ path: 'https://example.org/hooks' }, 'Option "path" must be a path such as "webhook/cr3dentials", not a URL.'],
    [{ dataSource: '' }, 'Option "dataSource" must be a string that is not empty.'],
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
    const range = `must be a whole number from ${least} to ${name === 'processing.lease' ? 600_000 : 2_147_483_647}, not`;
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
    ['database.connections', 3],
    ['receiving.ackTimeout', 1],
    ['receiving.maxQueued', 1],
    ['receiving.maxQueuedBytes', 1],
    ['processing.concurrency', 1],
    ['processing.handlerTimeout', 1],
    ['processing.drainTimeout', 0],
    ['processing.lease', 1_000],
    ['processing.pollInterval', 1],
    ['processing.retry.attempts', 1],
    ['processing.retry.initialDelay', 0],
    ['processing.retry.maxDelay', 0],
  ];
}

function withNumber(path: string, value: unknown): Record<string, unknown> {
  return { auth, ...(nested(path.split('.'), value) as object) };
}

function nested([name, ...rest]: string[], value: unknown): unknown {
  return name === undefined ? value : { [name]: nested(rest, value) };
}

function leastOptions(): Record<string, unknown> {
  const least = Object.fromEntries(numbers());
  const under = (prefix: string) =>
    Object.fromEntries(
      Object.entries(least)
        .filter(([path]) => path.startsWith(prefix) && !path.slice(prefix.length).includes('.'))
        .map(([path, number]) => [path.slice(prefix.length), number]),
    );
  return {
    auth,
    database: under('database.'),
    receiving: under('receiving.'),
    processing: { ...under('processing.'), retry: under('processing.retry.') },
  };
}
