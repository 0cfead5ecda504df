import { VerificationPayload } from '../../../src/contract/verification.payload.js';
import type { ReceivedWebhook } from '../../../src/contract/payload-validation.js';
import type { Verdict } from '../../../src/inbox/verdict.js';
import { SeededRandom } from '../../../src/testing/seeded-random.js';
import type { Audit } from '../audit.js';
import type { History } from './history.js';
import type { Instance } from './instance.js';
import type { World } from './world.js';

/** Time after which the sender gives up an answer. */
const ANSWER_TIMEOUT_MS = 6_000;
const SPAN_MS = 3_000;

interface Post {
  readonly session: string;
  readonly content: string;
}

/** Sends sessions as the provider does: again until it is answered, sometimes twice, and now and then with another content. */
export class Sender {
  readonly #random: SeededRandom;
  /** Posts that are not acknowledged yet. */
  unanswered = 0;

  constructor(
    private readonly world: World,
    private readonly history: History,
    private readonly audit: Audit,
    private readonly instances: () => readonly Instance[],
  ) {
    this.#random = new SeededRandom(`sender ${world.settings.seed}`);
  }

  start(): void {
    const random = this.#random;
    for (let index = 1; index <= this.world.settings.sessions; index++) {
      const session = `s${index}`;
      const at = random.whole(0, SPAN_MS);
      this.#postAfter(at, { session, content: 'a' });
      if (random.next() < 0.3) this.#postAfter(at + random.whole(0, 300), { session, content: 'a' });
      if (random.next() < 0.3) this.#postAfter(random.whole(0, SPAN_MS), { session, content: 'b' });
    }
  }

  #postAfter(delay: number, post: Post): void {
    this.unanswered++;
    this.world.scheduler.after(delay, () => this.#post(post));
  }

  #post(post: Post): void {
    const ready = this.instances().filter(({ isReady, process }) => isReady && process.isAlive);
    const instance = ready[this.#random.whole(0, ready.length - 1)];
    if (!instance) return this.#again(post);
    const { scheduler } = this.world;
    let isAnswered = false;
    const answer = (verdict: Verdict | 'none') => {
      if (isAnswered) return undefined;
      isAnswered = true;
      return this.#answered(post, verdict);
    };
    scheduler.after(ANSWER_TIMEOUT_MS, () => answer('none'));
    scheduler.after(
      0,
      () => {
        void instance.receiver.receive(webhook(post)).then((verdict) => scheduler.after(0, () => answer(verdict)));
      },
      instance.process,
    );
  }

  #answered(post: Post, verdict: Verdict | 'none'): void | Promise<void> {
    this.world.trace(`POST ${post.session} ${post.content}: ${verdict}`);
    if (verdict === 'none' || verdict === 'unavailable') return this.#again(post);
    this.unanswered--;
    this.history.acknowledge(post.session, post.content);
    return this.audit.assertStored(post.session, post.content, (rule) => this.world.violate(rule));
  }

  #again(post: Post): void {
    this.unanswered--;
    this.#postAfter(this.#random.whole(500, 2_000), post);
  }
}

function webhook({ session, content }: Post): ReceivedWebhook {
  const fields = {
    sessionId: session,
    status: 'COMPLETED',
    platformId: 1,
    externalReferenceId: content,
    extractedData: null,
    proofHash: null,
    completedAt: null,
    metadata: null,
  } as const;
  const payload = Object.assign(new VerificationPayload(), fields);
  return { tenant: '', rawBody: JSON.stringify(fields), payload };
}
