import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { SECRET, lookForCanaries, withoutCanaries } from './canaries.js';

/** An app with our module as a process of its own. */
export abstract class AppProcess {
  protected constructor(protected readonly child: ChildProcess) {}

  abstract get url(): string | undefined;
  /** All that it has written, to either stream. */
  abstract get written(): string;

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** The status of the answer; nothing when there was none. */
  async post(body: unknown): Promise<number | undefined> {
    try {
      const answer = await fetch(`${this.url}/webhook/cr3dentials`, {
        method: 'POST',
        headers: { 'x-api-key': SECRET, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const { status, headers } = answer;
      withoutCanaries({ status, body: await answer.text(), headers: Object.fromEntries(headers) });
      return status;
    } catch {
      return undefined;
    }
  }

  /** Answers its exit code, or the signal that ended it. */
  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<number | string | null> {
    if (!this.hasEnded) {
      const closed = once(this.child, 'close'); // by then, all that it said has been read
      this.child.kill(signal);
      await closed;
    }
    lookForCanaries('what a process has written', this.written);
    return this.child.exitCode ?? this.child.signalCode;
  }
}
