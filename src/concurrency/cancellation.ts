/**
 * Says that work must end, and why. As an `AbortSignal`, which costs more than a short handler itself, it exists only
 * where somebody asks for one.
 */
export class Cancellation {
  #reason: unknown;
  #isRequested = false;
  #controller?: AbortController;
  readonly #listeners: ((reason: unknown) => void)[] = [];

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

  /** Only the first time counts. */
  cancel(reason: unknown): void {
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const listener of this.#listeners) listener(reason);
  }

  /** Calls when it comes, or at once when it has come. */
  onCancel(listener: (reason: unknown) => void): void {
    if (this.#isRequested) listener(this.#reason);
    else this.#listeners.push(listener);
  }
}
