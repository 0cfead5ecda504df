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

/** Secrets hashed once, compared in a time that tells nothing about them. */
export class SharedSecrets {
  readonly #secrets: { digest: Buffer; notAfter: number }[];

  constructor(secrets: readonly SharedSecret[]) {
    this.#secrets = secrets.map((secret) =>
      typeof secret === 'string'
        ? { digest: digest(secret), notAfter: Infinity }
        : { digest: digest(secret.value), notAfter: secret.notAfter?.getTime() ?? Infinity },
    );
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
