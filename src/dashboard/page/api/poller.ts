import { isDialogOpen } from '../app/keys.js';
import { get, messageOf, RequestError, type Answer } from './client.js';

const FIRST_BACK_OFF_MS = 4_000;
const LONGEST_BACK_OFF_MS = 60_000;
/** Milliseconds after which a poll that has to wait looks again whether it may go on. */
const WAITING_MS = 500;

interface Listener<T> {
  onAnswer(body: T | null): void;
  onError(error: RequestError): void;
}

function asRequestError(error: unknown): RequestError {
  return error instanceof RequestError ? error : new RequestError(0, 'UNEXPECTED', messageOf(error), null, null);
}

/** Asks for one address again and again, until it is stopped. After an error it waits longer each time. */
export class Poller<T> {
  readonly #abort = new AbortController();
  #etag: string | null = null;
  #failures = 0;
  #timer = 0;
  #isAsking = false;

  constructor(
    readonly path: string,
    /** Milliseconds between an answer and the next request; 0 asks only once. */
    readonly interval: number,
    readonly listener: Listener<T>,
  ) {}

  stop(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
  }

  /** Asks at once, unless it does already. */
  async ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    clearTimeout(this.#timer);
    try {
      this.#succeed(await get<T>(this.path, { etag: this.#etag, signal: this.#abort.signal }));
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#fail(asRequestError(error));
    } finally {
      this.#isAsking = false;
    }
  }

  #succeed({ body, etag }: Answer<T>): void {
    this.#etag = etag;
    this.#failures = 0;
    this.listener.onAnswer(body);
    if (this.interval > 0) this.#plan(this.interval);
  }

  #fail(error: RequestError): void {
    this.#failures += 1;
    this.listener.onError(error);
    const wait = Math.min(FIRST_BACK_OFF_MS * 2 ** (this.#failures - 1), LONGEST_BACK_OFF_MS);
    if (this.interval > 0) this.#plan(Math.max(wait, error.retryAfter ?? 0));
  }

  #plan(milliseconds: number): void {
    if (this.#abort.signal.aborted) return;
    this.#timer = window.setTimeout(() => {
      // Nobody looks, or somebody is deciding on what is shown.
      if (document.hidden || isDialogOpen()) this.#plan(WAITING_MS);
      else void this.ask();
    }, milliseconds);
  }
}
