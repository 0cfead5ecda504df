/** Types of errors that have a value of their own in a process. A host may make any number. */
const MAX_TYPES = 20;
const OTHER = '_OTHER';

/** Bounds the values of `error.type`: the first that a process meets, then `_OTHER`. */
export class ErrorTypes {
  readonly #known = new Set<string>();

  of(type: string): string {
    if (this.#known.has(type)) return type;
    if (this.#known.size >= MAX_TYPES) return OTHER;
    this.#known.add(type);
    return type;
  }
}
