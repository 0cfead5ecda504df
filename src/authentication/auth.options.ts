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
 * Who may post: a static list of secrets, or a function that finds them for each request.
 *
 * @publicApi
 */
export type AuthOptions =
  | {
      /** Name of the header that carries the secret. @default 'X-API-Key' */
      header?: string;
      /**
       * The secrets that are accepted, all at once, so that one can be rotated without refusing a delivery. The whole
       * header value is compared. ASCII only, never empty. `undefined` is allowed by the type so that an environment
       * variable can be passed as it is; it stops the boot.
       */
      secrets: readonly (SharedSecret | undefined)[];
      /** Excluded by `secrets`. */
      resolveSecrets?: never;
    }
  | {
      /** Name of the header that carries the secret. @default 'X-API-Key' */
      header?: string;
      /** Finds the tenant and its secrets for a request. Returning nothing answers 401; throwing answers 503. */
      resolveSecrets: SecretResolver;
      /** Excluded by `resolveSecrets`. */
      secrets?: never;
    };

/** Who may post, without the secrets: `SharedSecrets` has them, as digests. */
export interface AuthSettings {
  /** Whether `auth` is `'none'`. */
  readonly acceptsEveryone: boolean;
  readonly header: string;
  readonly resolveSecrets: SecretResolver | undefined;
  /** Milliseconds that `resolveSecrets` may take. */
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

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when it is not said who may post, or said twice. */
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

/** The secrets of the options, once these have been checked. */
export function sharedSecrets(auth: AuthOptions | 'none'): SharedSecrets {
  const secrets = auth === 'none' ? undefined : auth.secrets;
  return new SharedSecrets((secrets ?? []) as readonly SharedSecret[]); // undefined has stopped the boot
}
