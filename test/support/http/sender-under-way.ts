import { payload } from '../app/payload.js';
import { until } from '../time/until.js';
import type { WebhookApp } from '../app/webhook-app.js';

const AT_ONCE = 8;

/** Posts session after session, several at once, and is told meanwhile where to and with which secret. */
export class SenderUnderWay {
  /** The sessions that were answered 200. */
  readonly accepted: string[] = [];
  /** Every other answer's status; 0 where there was none. */
  readonly refusals: number[] = [];
  #app?: WebhookApp;
  #isOver = false;
  #secret: string;
  #lanes: Promise<void>[] = [];
  #underWay = new Set<Promise<unknown>>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  begin(app: WebhookApp): void {
    this.#app = app;
    this.#lanes = Array.from({ length: AT_ONCE }, () => this.#post());
  }

  /** Awaits that this many more have been answered. */
  async hasSent(more: number): Promise<void> {
    const goal = this.#answered + more;
    await until(`${more} more posts are answered`, () => this.#answered >= goal);
  }

  /** As a load balancer does: once it resolves, nothing is under way to the app of before. */
  async turnTo(app: WebhookApp): Promise<void> {
    this.#app = app;
    await Promise.all(this.#underWay);
  }

  /** As the portal does: once it resolves, nothing is under way with the secret of before. */
  async use(secret: string): Promise<void> {
    this.#secret = secret;
    await Promise.all(this.#underWay);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#lanes);
  }

  get #answered(): number {
    return this.accepted.length + this.refusals.length;
  }

  async #post(): Promise<void> {
    while (!this.#isOver && this.#app) {
      const body = payload();
      const answer = this.#app.post(body, { headers: { 'x-api-key': this.#secret } }).catch(() => ({ status: 0 }));
      this.#underWay.add(answer);
      const { status } = await answer;
      this.#underWay.delete(answer);
      if (status === 200) this.accepted.push(String(body.sessionId));
      else this.refusals.push(status);
    }
  }
}
