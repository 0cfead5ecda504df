import type { Fetch, SimulatorClock } from 'nestjs-cr3dentials-webhook/testing';

type Request = Parameters<Fetch>[1];
type Answer = number | Error | 'never' | 'never ends';

/** Time that passes only while somebody sleeps, and then at once. */
export class InstantClock implements SimulatorClock {
  readonly sleeps: number[] = [];
  #now = 1_700_000_000_000;

  now(): number {
    return this.#now;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }

  async sleep(milliseconds: number): Promise<void> {
    this.sleeps.push(milliseconds);
    this.#now += milliseconds;
  }
}

/** An endpoint that answers with one status after the other, the last of them again and again. */
export class AnswersInTurn {
  readonly requests: (Request & { url: string })[] = [];
  readonly #answers: Answer[];

  constructor(
    private readonly onRequest: () => void,
    ...answers: Answer[]
  ) {
    this.#answers = answers;
  }

  readonly fetch: Fetch = async (url, request) => {
    this.requests.push({ ...request, url });
    this.onRequest();
    const answer = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? 200;
    if (answer instanceof Error) throw answer;
    if (answer === 'never') return forever();
    if (answer === 'never ends') return { status: 200, arrayBuffer: forever };
    return { status: answer, arrayBuffer: async () => undefined };
  };
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
