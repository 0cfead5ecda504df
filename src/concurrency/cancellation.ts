/**
 * Requests that work ends, and says why. Its `AbortSignal` costs more than a short handler, so it is made on first
 * access, and the list of listeners with the first of them.
 */
export class Cancellation {
  #reason: unknown;
  #isRequested = false;
  #controller?: AbortController;
  #listeners?: ((reason: unknown) => void)[];

  get isRequested(): boolean {
    return this.#isRequested;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isRequested) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Requests the end. Only the first call counts. */
  cancel(reason: unknown): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const listener of this.#listeners ?? []) listener(reason);
  }

  /** Calls the listener on cancellation, or at once if it was requested before. */
  onCancel(listener: (reason: unknown) => void): void {
    if (this.#isRequested) listener(this.#reason);
    else (this.#listeners ??= []).push(listener);
  }

  /** Forgets a listener, and with it all that it would hold in memory for as long as the work goes on. */
  offCancel(listener: (reason: unknown) => void): void {
    const index = this.#listeners?.indexOf(listener) ?? -1;
    if (index >= 0) this.#listeners?.splice(index, 1);
  }
}
