import { Injectable } from '@nestjs/common';
import { Instrumentation } from './instrumentation.js';
import type { UnreadableProblem } from './internal.occurrences.js';
import { refusalKinds, type RefusalKind } from './refusal.kind.js';

/** Counts of this process since it started. */
@Injectable()
export class Counters {
  readonly #refused = Object.fromEntries(refusalKinds.map((kind) => [kind, 0])) as Record<RefusalKind, number>;

  readonly #unreadable: Record<UnreadableProblem, number> = {
    'key-missing': 0,
    broken: 0,
    'plaintext-refused': 0,
    destroyed: 0,
  };

  constructor(instrumentation: Instrumentation) {
    instrumentation.subscribe('unreadable', ({ problem }) => {
      this.#unreadable[problem]++;
    });
    instrumentation.subscribe('refused', ({ kind }) => {
      this.#refused[kind]++;
    });
  }

  /** Returns the number of POSTs that were not answered 200, by kind. */
  refused(): Record<RefusalKind, number> {
    return { ...this.#refused };
  }

  /** Returns how often contents could not be opened, by the problem. */
  unreadable(): Record<UnreadableProblem, number> {
    return { ...this.#unreadable };
  }
}
