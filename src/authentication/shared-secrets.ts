import { hash, timingSafeEqual } from 'node:crypto';

/**
 * A secret the provider's custom header may carry.
 *
 * @publicApi
 */
export type SharedSecret =
  | string
  | {
      /** The header value, whole. */
      value: string;
      /** A name for warnings; the value itself is never written anywhere. */
      id?: string;
      /** The moment after which the secret is refused. @default never */
      notAfter?: Date;
    };

/** Shorter ones can be guessed. */
export const MIN_SECRET_LENGTH = 16;

/** What is wrong with a secret. Says nothing of its value. */
export interface SecretWeakness {
  readonly id: string | undefined;
  /** Its place in the list. */
  readonly index: number;
  readonly isShort: boolean;
  readonly isExpired: boolean;
}

/** Secrets hashed once, compared in a time that tells nothing about them. */
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

  /** Returns those that are short or have expired. */
  weaknesses(now: number): SecretWeakness[] {
    return this.#secrets
      .map(({ id, isShort, notAfter }, index) => ({ id, index, isShort, isExpired: notAfter < now }))
      .filter(({ isShort, isExpired }) => isShort || isExpired);
  }

  /** Every secret is compared whatever the outcome: an early exit would tell which one came close. */
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
