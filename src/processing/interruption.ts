/**
 * Says that work must end, and why. As an `AbortSignal`, which costs more than a short handler itself, it exists only
 * where somebody asks for one.
 */
export class Interruption {
  #reason: unknown;
  #hasCome = false;
  #controller?: AbortController;
  readonly #followers: ((reason: unknown) => void)[] = [];

  get hasCome(): boolean {
    return this.#hasCome;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#hasCome) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Only the first time counts. */
  interrupt(reason: unknown): void {
    if (this.#hasCome) return;
    this.#hasCome = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    for (const follow of this.#followers) follow(reason);
  }

  /** Calls when it comes, or at once when it has come. */
  whenItComes(follow: (reason: unknown) => void): void {
    if (this.#hasCome) follow(this.#reason);
    else this.#followers.push(follow);
  }
}
