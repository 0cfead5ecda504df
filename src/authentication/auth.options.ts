import { DEFAULT_HEADER, isHeaderName, isHeaderValue } from '../http/webhook-header.js';
import {
  anything,
  callable,
  containing,
  either,
  fields,
  instant,
  invalid,
  isString,
  kind,
  listOf,
  notEmpty,
  oneOf,
  text,
  type Check,
} from '../option.checks.js';
import type { SecretResolver } from './secret-resolver.js';
import { SharedSecrets, type SharedSecret } from './shared-secrets.js';

/**
 * Source of the accepted secrets: a static list, or a function that finds them for each request.
 *
 * @publicApi
 */
export type AuthOptions =
  | {
      /** Name of the header that carries the secret. @default 'X-API-Key' */
      header?: string;
      /**
       * The accepted secrets, all valid at once, so that one can be rotated without refusing a delivery. The whole
       * header value is compared. Each is printable ASCII and not empty. The type allows `undefined`, so that an
       * environment variable can be passed as it is; `undefined` stops the boot.
       */
      secrets: readonly (SharedSecret | undefined)[];
      /** Never set, because `secrets` excludes it. */
      resolveSecrets?: never;
    }
  | {
      /** Name of the header that carries the secret. @default 'X-API-Key' */
      header?: string;
      /**
       * Finds the tenant and its secrets for a request. The sender is answered 401 if it returns nothing, and 503 if it
       * throws.
       */
      resolveSecrets: SecretResolver;
      /** Never set, because `resolveSecrets` excludes it. */
      secrets?: never;
    };

/** Settings of authentication, without the secrets. `SharedSecrets` holds these as digests. */
export interface AuthSettings {
  /** True if `auth` is `'none'`. */
  readonly acceptsEveryone: boolean;
  readonly header: string;
  readonly resolveSecrets: SecretResolver | undefined;
  /** Longest time that `resolveSecrets` may take, in milliseconds. */
  readonly resolveTimeout: number;
}

export const AUTH_SETTINGS = Symbol('cr3dentials-webhook auth settings');

const headerName: Check = (value, name) => {
  if (typeof value !== 'string' || !isHeaderName(value))
    throw invalid(`Option "${name}" must be the name of an HTTP header, such as "${DEFAULT_HEADER}".`);
};

const secretFields = fields({ value: anything, id: text, notAfter: instant });

const secret: Check = containing(secretFields.within, (value, name, known) => {
  const given = value !== null && typeof value === 'object' && 'value' in value ? value.value : value;
  if (given === undefined || given === null) {
    throw invalid(`Option "${name}" is ${String(given)}. Set the environment variable that it is read from.`);
  }
  if (typeof given !== 'string')
    throw invalid(`Option "${name}" must be a string or { value, id?, notAfter? }, not ${kind(value)}.`);
  if (given === '')
    throw invalid(`Option "${name}" is empty: it would let everyone in. Set a secret of 32 random characters or more.`);
  if (!isHeaderValue(given)) {
    throw invalid(
      `Option "${name}" holds characters that a header cannot carry. Use printable ASCII without spaces around it.`,
    );
  }
  if (typeof value === 'object') secretFields(value, name, known);
});

export const authCheck = either(
  isString,
  oneOf('none'),
  fields({
    header: headerName,
    secrets: notEmpty(listOf(secret), 'Pass at least one secret, or "none" as "auth" to accept every caller.'),
    resolveSecrets: callable,
  }),
);

/**
 * Fills in the defaults.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` unless exactly one source of secrets is given, or `'none'`
 */
export function authSettings(auth: AuthOptions | 'none' | undefined, resolveTimeout: number): AuthSettings {
  if (auth === undefined) {
    throw invalid(
      'Option "auth" is missing. Pass { secrets: [process.env.CR3D_WEBHOOK_SECRET] }, or "none" to accept every caller.',
    );
  }
  if (auth === 'none')
    return { acceptsEveryone: true, header: DEFAULT_HEADER, resolveSecrets: undefined, resolveTimeout };
  const { header = DEFAULT_HEADER, secrets, resolveSecrets } = auth;
  if (secrets && resolveSecrets)
    throw invalid('Options "auth.secrets" and "auth.resolveSecrets" exclude each other. Keep one of them.');
  if (!secrets && !resolveSecrets) {
    throw invalid(
      'Option "auth" needs "secrets" or "resolveSecrets". Pass { secrets: [process.env.CR3D_WEBHOOK_SECRET] }.',
    );
  }
  return { acceptsEveryone: false, header, resolveSecrets, resolveTimeout };
}

/** Returns the digests of the secrets. The options must have been checked before. */
export function sharedSecrets(auth: AuthOptions | 'none'): SharedSecrets {
  const secrets = auth === 'none' ? undefined : auth.secrets;
  return new SharedSecrets((secrets ?? []) as readonly SharedSecret[]); // undefined has stopped the boot
}
