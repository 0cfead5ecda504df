import { getMetadataStorage } from 'class-validator';
import { distance } from 'fastest-levenshtein';
import { Cr3dentialsWebhookError } from './cr3dentials-webhook.error.js';
import type { Cr3dentialsWebhookOptions } from './cr3dentials-webhook.options.js';

type Check = (value: unknown, name: string) => void;

const MAX_TIMER_MS = 2_147_483_647; // setTimeout fires at once above it

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID`, naming the option and what to write instead. */
export function checkOptions(options: unknown): asserts options is Cr3dentialsWebhookOptions {
  if (options === null || typeof options !== 'object') {
    throw invalid('The options must be an object. Pass { auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] } }.');
  }
  for (const name of Object.keys(EXTRAS)) {
    if (name in options)
      throw invalid(`Option "${name}" cannot come from a factory. Put it beside "useFactory" in forRootAsync.`);
  }
  fields(OPTIONS)(options, '');
  if (!('auth' in options) || options.auth === undefined) {
    throw invalid(
      'Option "auth" is missing. Pass { secrets: [process.env.CR3D_WEBHOOK_SECRET] }, or "none" to accept every caller.',
    );
  }
  checkContradictions(options as Cr3dentialsWebhookOptions);
}

/**
 * Before Nest knows of the module: what it does not know it would pass over in silence.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`
 */
export function checkExtras(given: object): void {
  const isAsync = ASYNC.some((name) => name in given);
  const misplaced = isAsync && Object.keys(OPTIONS).find((name) => name in given);
  if (misplaced) throw invalid(`Option "${misplaced}" comes from the factory in forRootAsync. Return it there.`);
  const others = isAsync ? Object.fromEntries(ASYNC.map((name) => [name, anything])) : OPTIONS;
  fields({ ...others, ...EXTRAS })(given, '');
}

function checkContradictions({ auth, retry, lease, poll }: Cr3dentialsWebhookOptions): void {
  if (auth !== 'none') {
    if (auth.secrets && auth.resolveSecrets) {
      throw invalid('Options "auth.secrets" and "auth.resolveSecrets" exclude each other. Keep one of them.');
    }
    if (!auth.secrets && !auth.resolveSecrets) {
      throw invalid(
        'Option "auth" needs "secrets" or "resolveSecrets". Pass { secrets: [process.env.CR3D_WEBHOOK_SECRET] }.',
      );
    }
  }
  if (typeof retry === 'object' && (retry.initialDelay ?? 1_000) > (retry.maxDelay ?? 3_600_000)) {
    throw invalid('Option "retry.initialDelay" is longer than "retry.maxDelay". Raise "retry.maxDelay".');
  }
  if ((poll?.interval ?? 1_000) > (lease?.duration ?? 30_000)) {
    throw invalid('Option "poll.interval" is longer than "lease.duration". Lower "poll.interval".');
  }
}

const anything: Check = () => {};

const boolean: Check = (value, name) => {
  if (typeof value !== 'boolean') throw invalid(`Option "${name}" must be true or false, not ${kind(value)}.`);
};

const callable: Check = (value, name) => {
  if (typeof value !== 'function') throw invalid(`Option "${name}" must be a function, not ${kind(value)}.`);
};

const text: Check = (value, name) => {
  if (typeof value !== 'string' || value === '')
    throw invalid(`Option "${name}" must be a string that is not empty, not ${kind(value)}.`);
};

const headerName: Check = (value, name) => {
  if (typeof value !== 'string' || !/^[!#$%&'*+.^_`|~\w-]+$/.test(value)) {
    throw invalid(`Option "${name}" must be the name of an HTTP header, such as "X-API-Key".`);
  }
};

const secret: Check = (value, name) => {
  const given = value !== null && typeof value === 'object' && 'value' in value ? value.value : value;
  if (given === undefined || given === null) {
    throw invalid(`Option "${name}" is ${String(given)}. Set the environment variable that it is read from.`);
  }
  if (typeof given !== 'string')
    throw invalid(`Option "${name}" must be a string or { value, id?, notAfter? }, not ${kind(value)}.`);
  if (given === '')
    throw invalid(`Option "${name}" is empty: it would let everyone in. Set a secret of 32 random characters or more.`);
  if (!/^[!-~]([ -~]*[!-~])?$/.test(given)) {
    throw invalid(
      `Option "${name}" holds characters that a header cannot carry. Use printable ASCII without spaces around it.`,
    );
  }
  if (typeof value === 'object') fields({ value: anything, id: text, notAfter: instant })(value, name);
};

const instant: Check = (value, name) => {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) {
    throw invalid(`Option "${name}" must be a valid Date. Write new Date('2026-01-31T00:00:00Z').`);
  }
};

function whole(from: number): Check {
  return (value, name) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < from || value > MAX_TIMER_MS) {
      throw invalid(
        `Option "${name}" must be a whole number from ${from} to ${MAX_TIMER_MS}, not ${typeof value === 'number' ? value : kind(value)}.`,
      );
    }
  };
}

function atLeast(least: number): Check {
  return (value, name) => {
    if (typeof value !== 'number' || !Number.isFinite(value) || value < least) {
      throw invalid(
        `Option "${name}" must be a number from ${least}, not ${typeof value === 'number' ? value : kind(value)}.`,
      );
    }
  };
}

function oneOf(...choices: string[]): Check {
  return (value, name) => {
    if (!choices.includes(value as string))
      throw invalid(`Option "${name}" must be one of ${choices.map((c) => `"${c}"`).join(', ')}.`);
  };
}

function listOf(check: Check): Check {
  return (value, name) => {
    if (!Array.isArray(value)) throw invalid(`Option "${name}" must be an array, not ${kind(value)}.`);
    for (const [index, entry] of value.entries()) check(entry, `${name}[${index}]`); // holes too, unlike forEach
  };
}

function notEmpty(check: Check, remedy: string): Check {
  return (value, name) => {
    check(value, name);
    if ((value as unknown[]).length === 0) throw invalid(`Option "${name}" is empty. ${remedy}`);
  };
}

function either(accepts: (value: unknown) => boolean, then: Check, otherwise: Check): Check {
  return (value, name) => (accepts(value) ? then : otherwise)(value, name);
}

const classesByPlatform: Check = (value, name) => {
  if (value === null || typeof value !== 'object' || Symbol.iterator in value) {
    throw invalid(`Option "${name}" must be an object such as { 1: BankAccount }, with a class per platformId.`);
  }
  for (const [id, platform] of Object.entries(value)) {
    if (!Number.isFinite(Number(id)) || String(Number(id)) !== id)
      throw invalid(`Option "${name}" names "${id}", which is no platformId. Write a number: { 1: BankAccount }.`);
    if (typeof platform !== 'function' || !platform.prototype)
      throw invalid(`Option "${name}.${id}" must be a class, not ${kind(platform)}.`);
    if (getMetadataStorage().getTargetValidationMetadatas(platform, '', true, false).length === 0)
      throw invalid(
        `Option "${name}.${id}" names ${platform.name}, of which nothing would be checked. Decorate its properties with class-validator.`,
      );
  }
};

function fields(checks: Record<string, Check>): Check {
  return (value, name) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw invalid(`Option "${name}" must be an object, not ${kind(value)}.`);
    }
    const prefix = name && `${name}.`;
    for (const [key, given] of Object.entries(value)) {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      if (!check) throw invalid(`Unknown option "${prefix}${key}".${suggestion(key, prefix, Object.keys(checks))}`);
      if (given !== undefined) check(given, prefix + key);
    }
  };
}

function suggestion(key: string, prefix: string, known: string[]): string {
  const [nearest] = known.toSorted((a, b) => distance(key, a) - distance(key, b));
  return nearest && distance(key, nearest) <= Math.max(2, nearest.length / 2)
    ? ` Did you mean "${prefix}${nearest}"?`
    : ` Known are ${known.map((name) => `"${prefix}${name}"`).join(', ')}.`;
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}

function invalid(message: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError('OPTIONS_INVALID', message);
}

const isFunction = (value: unknown) => typeof value === 'function';
const isString = (value: unknown) => typeof value === 'string';

const OPTIONS: Record<string, Check> = {
  auth: either(
    isString,
    oneOf('none'),
    fields({
      header: headerName,
      secrets: notEmpty(listOf(secret), 'Pass at least one secret, or "none" as "auth" to accept every caller.'),
      resolveSecrets: callable,
    }),
  ),
  ackTimeout: whole(1),
  maxQueued: whole(1),
  platforms: classesByPlatform,
  processing: fields({ enabled: boolean, concurrency: whole(1), handlerTimeout: whole(1), drainTimeout: whole(0) }),
  retry: either(
    isFunction,
    anything,
    fields({
      attempts: whole(1),
      initialDelay: whole(0),
      maxDelay: whole(0),
      factor: atLeast(1),
      jitter: oneOf('full', 'none'),
    }),
  ),
  lease: fields({ duration: whole(100) }),
  poll: fields({ interval: whole(1) }),
};

const ASYNC = ['useFactory', 'useClass', 'useExisting', 'inject', 'imports', 'provideInjectionTokensFrom'];

const EXTRAS: Record<string, Check> = {
  path: either(isString, text, notEmpty(listOf(text), 'Name at least one route.')),
  dataSource: text,
  controllerDecorators: listOf(callable),
  isGlobal: boolean,
};
