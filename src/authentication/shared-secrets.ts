import { hash, timingSafeEqual } from 'node:crypto';

/**
 * Secret that the provider sends in its custom header.
 *
 * @publicApi
 */
export type SharedSecret =
  | string
  | {
      /** The whole value of the header. */
      value: string;
      /** Name of the secret in warnings. The value itself is never written anywhere. */
      id?: string;
      /** The moment after which the secret is refused. @default never */
      notAfter?: Date;
    };

/** Shortest length that is not warned of, in characters. A shorter secret can be guessed. */
export const MIN_SECRET_LENGTH = 16;

/** Weakness of one secret, without its value. */
export interface SecretWeakness {
  readonly id: string | undefined;
  /** Index in the list, from 0. */
  readonly index: number;
  readonly isShort: boolean;
  readonly isExpired: boolean;
}

/** Digests of secrets. They are compared in a time that tells nothing about them. */
export class SharedSecrets {
  readonly #secrets: { digest: Buffer; notAfter: number; id: string | undefined; isShort: boolean }[];

  constructor(secrets: readonly SharedSecret[]) {
    this.#secrets = secrets.map((secret) => {
      const { value, id, notAfter }: Exclude<SharedSecret, string> =
        typeof secret === 'string' ? { value: secret } : secret;
      return {
        digest: digest(value),
        notAfter: notAfter?.getTime() ?? Infinity,
        id,
        isShort: value.length < MIN_SECRET_LENGTH,
      };
    });
  }

  /** Returns the secrets that are short or have expired. */
  weaknesses(now: number): SecretWeakness[] {
    return this.#secrets
      .map(({ id, isShort, notAfter }, index) => ({ id, index, isShort, isExpired: notAfter < now }))
      .filter(({ isShort, isExpired }) => isShort || isExpired);
  }

  /**
   * Tells whether a value is one of the secrets, and not expired. Every secret is compared: an early exit would tell
   * which one came close.
   */
  include(given: string, now: number): boolean {
    const hashed = digest(given);
    let included = false;
    for (const secret of this.#secrets) {
      const equal = timingSafeEqual(hashed, secret.digest);
      included = (equal && now <= secret.notAfter) || included;
    }
    return included;
  }
}

function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
