import { hash, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../../concurrency/bounded-map.js';
import { RateWindow } from '../../concurrency/rate.window.js';
import type { Clock } from '../../clock.js';
import { DashboardException, tooMany } from '../api/dashboard.exception.js';
import type { BasicOperator } from './access.options.js';
import type { Authenticator } from './authenticator.js';
import { addressOf, type HostRequest } from './host.request.js';
import type { Operator } from './operator.js';

const MAX_FAILURES = 10;
const FAILURE_SPAN_MS = 60_000;
/** Addresses whose failures are remembered. */
const MAX_ADDRESSES = 1_000;

/** Lets operators in by name and password. */
export class BasicOperators implements Authenticator {
  readonly #operators: readonly { readonly digest: Buffer; readonly operator: Operator }[];
  readonly #failures = new BoundedMap<string, RateWindow>(MAX_ADDRESSES);

  constructor(
    operators: readonly BasicOperator[],
    private readonly title: string,
    private readonly clock: Pick<Clock, 'now'>,
  ) {
    this.#operators = operators.map(({ name, password, can, tenants }) => ({
      digest: digestOf(`${name}:${password}`),
      operator: { id: name, can, ...(tenants && { tenants }) },
    }));
  }

  authenticate(request: HostRequest): Operator {
    const given = credentialsIn(request.headers.authorization);
    if (given === undefined) throw this.unauthenticated();
    const failures = this.#failuresOf(addressOf(request));
    const now = this.clock.now();
    const allowedAt = failures.allowedAt(1, now);
    if (allowedAt > now) throw tooMany('Too many wrong passwords. Try again in a minute.', (allowedAt - now) / 1_000);
    const operator = this.#find(given);
    if (operator) return operator;
    failures.begin(now);
    throw this.unauthenticated();
  }

  /** Compares all of them: an early exit would tell which one came close. */
  #find(given: string): Operator | undefined {
    const digest = digestOf(given);
    let found: Operator | undefined;
    for (const one of this.#operators) if (timingSafeEqual(digest, one.digest)) found = one.operator;
    return found;
  }

  #failuresOf(address: string): RateWindow {
    const known = this.#failures.get(address);
    if (known) return known;
    const window = new RateWindow(MAX_FAILURES, FAILURE_SPAN_MS);
    this.#failures.set(address, window);
    return window;
  }

  private unauthenticated(): DashboardException {
    const realm = this.title.replaceAll(/[^\w .-]/g, '');
    return new DashboardException(
      401,
      { code: 'UNAUTHENTICATED', message: 'Sign in with the name and the password of an operator.' },
      { 'WWW-Authenticate': `Basic realm="${realm}", charset="UTF-8"` },
    );
  }
}

function digestOf(credentials: string): Buffer {
  return hash('sha256', credentials, 'buffer');
}

function credentialsIn(header: string | undefined): string | undefined {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(header ?? '') ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
}
