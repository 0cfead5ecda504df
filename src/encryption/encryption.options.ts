import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import {
  anything,
  boolean,
  containing,
  fields,
  invalid,
  kind,
  notEmpty,
  listOf,
  oneOf,
  whole,
  type Check,
} from '../option.checks.js';
import { bytesOf, isUniform, KEY_BYTES, KEY_ID } from './data.key.js';
import type { EncryptionKey, KeyProvider } from './key.provider.js';

/**
 * Cache of the keys of a `KeyProvider`. Durations are milliseconds.
 *
 * @publicApi
 */
export interface KeyCacheOptions {
  /** Age at which the current key of a tenant is asked for again, in the background. @default 300000 */
  refreshAfter?: number;
  /** Age up to which a key is used while the provider fails. @default 3600000 */
  keepFor?: number;
  /** Number of keys. The one that was not used for the longest time leaves first. @default 1000 */
  max?: number;
}

/**
 * A key of `encryption.keys`. The type allows an `undefined` value, so that an environment variable can be passed as it
 * is; `undefined` stops the boot.
 *
 * @publicApi
 */
export interface EncryptionKeyOption {
  /** Name of the key: 1 to 64 letters, digits, `-` and `_`. It is no secret, and must never name another key. */
  readonly id: string;
  /** The 32 bytes of the key: as bytes, or as text in base64, base64url or 64 hexadecimal digits. */
  readonly value: EncryptionKey['value'] | undefined;
}

/** Options that both sources of keys have. */
interface CommonOptions {
  /**
   * Decides on contents that are not sealed. `'refuse'`: they are not opened, because whoever can write to the
   * database could have put them there. `'accept'`: while the inbox is being sealed, and on the way back.
   *
   * @default 'refuse'
   */
  plaintext?: 'refuse' | 'accept';
  /** Compresses bodies from 2048 bytes before they are sealed. @default true */
  compress?: boolean;
}

/**
 * Seals contents in the database. Keys are configuration, or come from a provider.
 *
 * @publicApi
 */
export type EncryptionOptions = CommonOptions &
  (
    | {
        /** All keys that contents are sealed with, old ones too. */
        keys: readonly EncryptionKeyOption[];
        /** Id of the key that seals new contents. `null`: they are written in plain text, to begin or to leave. */
        current: string | null;
        /** Never set, because `keys` excludes it. */
        keyProvider?: never;
        /** Never set, because `keys` excludes it. */
        cache?: never;
      }
    | {
        /** Finds the keys of each tenant. */
        keyProvider: KeyProvider;
        /** Cache of its keys. */
        cache?: KeyCacheOptions;
        /** Never set, because `keyProvider` excludes it. */
        keys?: never;
        /** Never set, because `keyProvider` excludes it. */
        current?: never;
      }
  );

export type CacheSettings = Readonly<Required<KeyCacheOptions>>;

/** Settings of encryption, without the keys. */
export interface EncryptionSettings {
  readonly isConfigured: boolean;
  readonly plaintext: 'refuse' | 'accept';
  readonly compress: boolean;
  readonly cache: CacheSettings;
}

export const ENCRYPTION_SETTINGS = Symbol('cr3dentials-webhook encryption settings');

const keyId: Check = (value, name) => {
  if (typeof value !== 'string' || !KEY_ID.test(value))
    throw invalid(`Option "${name}" must be 1 to 64 letters, digits, "-" and "_", such as "2026-12".`);
};

const keyValue: Check = (value, name) => {
  if (value === undefined || value === null)
    throw invalid(`Option "${name}" is ${String(value)}. Set the environment variable that it is read from.`);
  const bytes = bytesOf(value);
  const isUnfilled = bytes && isUniform(bytes);
  const length = bytes?.length;
  bytes?.fill(0);
  if (length !== KEY_BYTES)
    throw invalid(
      `Option "${name}" must be ${KEY_BYTES} bytes, in base64url for example. Make them with: node -p "crypto.randomBytes(32).toString('base64url')"`,
    );
  if (isUnfilled) throw invalid(`Option "${name}" has the same byte ${KEY_BYTES} times. Use random ones.`);
};

const keyFields = fields({ id: keyId, value: anything });

/** Checks the value even if the field is missing or undefined. */
const key: Check = containing(keyFields.within, (value, name, known) => {
  keyFields(value, name, known);
  const { id, value: bytes } = value as { id: unknown; value?: unknown };
  keyId(id, `${name}.id`);
  keyValue(bytes, `${name}.value`);
});

const current: Check = (value, name) => {
  if (value !== null) keyId(value, name);
};

const provider: Check = (value, name) => {
  const { currentKey, key: byId } = Object(value) as Partial<Record<'currentKey' | 'key', unknown>>;
  if (typeof currentKey !== 'function' || typeof byId !== 'function')
    throw invalid(`Option "${name}" must have the methods "currentKey" and "key", not be ${kind(value)} without them.`);
};

export const encryptionCheck = fields({
  keys: notEmpty(listOf(key), 'Pass at least one key, or leave "encryption" out.'),
  current,
  keyProvider: provider,
  cache: fields({ refreshAfter: whole(1), keepFor: whole(1), max: whole(1) }),
  plaintext: oneOf('refuse', 'accept'),
  compress: boolean,
});

/**
 * Fills in the defaults.
 *
 * @param secrets texts that are no keys: the secrets of the webhook
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when two of the options contradict each other
 */
export function encryptionSettings(
  options: EncryptionOptions | undefined,
  secrets: readonly unknown[],
): EncryptionSettings {
  if (options) assertOneSource(options);
  if (options?.keys) assertDistinct(options.keys, options.current, secrets);
  const { plaintext = 'refuse', compress = true, cache = {} } = options ?? {};
  const { refreshAfter = 300_000, keepFor = 3_600_000, max = 1_000 } = cache;
  if (refreshAfter > keepFor) {
    throw invalid(
      'Option "encryption.cache.refreshAfter" is longer than "encryption.cache.keepFor". Raise "encryption.cache.keepFor".',
    );
  }
  return { isConfigured: options !== undefined, plaintext, compress, cache: { refreshAfter, keepFor, max } };
}

function assertOneSource({ keys, current: named, keyProvider, cache }: EncryptionOptions): void {
  if (keys && keyProvider)
    throw invalid('Options "encryption.keys" and "encryption.keyProvider" exclude each other. Keep one of them.');
  if (!keys && !keyProvider)
    throw invalid('Option "encryption" needs "keys" or "keyProvider". Pass keys: [{ id, value }] and "current".');
  if (keyProvider && named !== undefined)
    throw invalid('Option "encryption.current" belongs to "encryption.keys". Let "currentKey" of the provider say it.');
  if (keys && cache) throw invalid('Option "encryption.cache" belongs to "encryption.keyProvider". Remove it.');
  if (keys && named === undefined)
    throw invalid(
      'Option "encryption.current" is missing. Name the key that seals new contents, or null for plain text.',
    );
}

function assertDistinct(
  keys: readonly { readonly id: string; readonly value: unknown }[],
  named: string | null | undefined,
  secrets: readonly unknown[],
): void {
  const ids = new Set(keys.map(({ id }) => id));
  if (ids.size < keys.length)
    throw invalid('Option "encryption.keys" has two keys with one id. Give each its own, and never use one again.');
  const values = new Set(keys.map(({ value }) => textOf(value)));
  if (values.size < keys.length)
    throw invalid('Option "encryption.keys" has two keys with one value. Make a new one for each.');
  if (secrets.some((secret) => values.has(textOf(secret))))
    throw invalid('Option "encryption.keys" has a secret of "auth" as a key. Make a key that is nothing else.');
  if (typeof named === 'string' && !ids.has(named))
    throw invalid(`Option "encryption.current" is "${named}", which is not in "encryption.keys". Add that key.`);
}

/** Returns the same text for the same bytes, however they are written. */
function textOf(value: unknown): string {
  return bytesOf(value)?.toString('hex') ?? String(value);
}

/** Error of a key whose bytes are not those that the inbox was sealed with. */
export function keyMismatch(id: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'KEY_MISMATCH',
    `Key "${id}" is not the one this inbox was sealed with. Restore its value, or give the new one another id.`,
  );
}
