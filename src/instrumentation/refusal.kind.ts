/** Kinds of POSTs that this module has not answered 200, in the order in which a POST can meet them. */
export const refusalKinds = [
  'host',
  'media-type',
  'too-large',
  'unreadable',
  'unauthorized',
  'secrets-unavailable',
  'invalid',
  'unavailable',
] as const;

/**
 * Why this module has not answered a POST with 200. `host`: something of the host has answered in its place, or has kept
 * it until the sender left, such as a guard, an interceptor, a rate limit or a middleware. `media-type`: 415.
 * `too-large`: 413. `unreadable`: 400, no JSON object. `unauthorized`: 401. `secrets-unavailable`: 503, `resolveSecrets`
 * failed. `invalid`: 400, against the contract, and kept as a rejection. `unavailable`: 503, not recorded.
 *
 * @publicApi
 */
export type RefusalKind = (typeof refusalKinds)[number];

/**
 * Why a POST was answered 401. `missing`: it has no header with the secret. `repeated`: it has two. `wrong`: the secret
 * is not one that is valid now.
 *
 * @publicApi
 */
export type SecretProblem = 'missing' | 'repeated' | 'wrong';
