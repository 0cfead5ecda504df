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
      /** Name of the secret in warnings, metrics and `stats().secrets`. The value itself is never written anywhere. */
      id?: string;
      /** The moment after which the secret is refused. @default never */
      notAfter?: Date;
    };

/** Shortest length that is not warned of, in characters. A shorter secret can be guessed. */
export const MIN_SECRET_LENGTH = 16;

/**
 * Use of one secret on this instance since it started, without its value. Tells when a rotation is over.
 *
 * @publicApi
 */
export interface SecretUse {
  /** Name of the secret: its `id`, or its place in the list, such as `secrets[0]`, whose uses are counted together. */
  readonly id: string;
  /** Tenant that `resolveSecrets` returned with it; empty otherwise. */
  readonly tenant: string;
  /** Number of POSTs that carried it. Those after `notAfter` are counted too, although they were refused. */
  readonly uses: number;
  /** Time of the last of them, in epoch milliseconds; null without one. */
  readonly lastUsedAt: number | null;
  /** True after `notAfter`: POSTs that carry it are refused. */
  readonly isExpired: boolean;
}

/** Uses of a secret, with the time after which it is refused; `Infinity` for never. */
export type CountedUse = Omit<SecretUse, 'tenant' | 'isExpired'> & { readonly notAfter: number };

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
  readonly #secrets: {
    digest: Buffer;
    notAfter: number;
    id: string | undefined;
    isShort: boolean;
    uses: number;
    lastUsedAt: number;
  }[];

  constructor(secrets: readonly SharedSecret[]) {
    this.#secrets = secrets.map((secret) => {
      const { value, id, notAfter }: Exclude<SharedSecret, string> =
        typeof secret === 'string' ? { value: secret } : secret;
      return {
        digest: digest(value),
        notAfter: notAfter?.getTime() ?? Infinity,
        id,
        isShort: value.length < MIN_SECRET_LENGTH,
        uses: 0,
        lastUsedAt: 0,
      };
    });
  }

  /** Returns the secrets that are short or have expired. */
  weaknesses(now: number): SecretWeakness[] {
    return this.#secrets
      .map(({ id, isShort, notAfter }, index) => ({ id, index, isShort, isExpired: notAfter < now }))
      .filter(({ isShort, isExpired }) => isShort || isExpired);
  }

  /** Returns the uses of each secret, in the order of the list. */
  uses(): CountedUse[] {
    return this.#secrets.map(({ id, uses, lastUsedAt, notAfter }, index) => ({
      id: id ?? `secrets[${index}]`,
      uses,
      lastUsedAt: uses > 0 ? lastUsedAt : null,
      notAfter,
    }));
  }

  /**
   * Tells whether a value is one of the secrets, and not expired, and counts its use. Every secret is compared: an
   * early exit would tell which one came close.
   */
  verify(given: string, now: number): boolean {
    const hashed = digest(given);
    let included = false;
    for (const secret of this.#secrets) {
      const equal = timingSafeEqual(hashed, secret.digest);
      secret.uses += Number(equal);
      secret.lastUsedAt += Number(equal) * (now - secret.lastUsedAt);
      included = (equal && now <= secret.notAfter) || included;
    }
    return included;
  }
}

function digest(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
