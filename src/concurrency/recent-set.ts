/** Most members. The oldest are dropped first. */
const MAX_SIZE = 10_000;

/** Set whose members are forgotten after a time. */
export class RecentSet {
  readonly #addedAt = new Map<string, number>();

  constructor(private readonly milliseconds: number) {}

  add(member: string): void {
    this.#addedAt.delete(member); // to the end
    this.#addedAt.set(member, performance.now());
    for (const [oldest, addedAt] of this.#addedAt) {
      if (this.#addedAt.size <= MAX_SIZE && performance.now() - addedAt < this.milliseconds) break;
      this.#addedAt.delete(oldest);
    }
  }

  has(member: string): boolean {
    const addedAt = this.#addedAt.get(member);
    return addedAt !== undefined && performance.now() - addedAt < this.milliseconds;
  }
}
