import type { VerificationStatus } from '../contract/verification-status.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { verificationPayload } from '../testing/payload.factory.js';

/** Number of latest sessions that a duplicate or a conflict may repeat. Such a session may still be in flight. */
const REPEAT_WINDOW_SESSIONS = 100;

/** One delivery to send. */
export interface Planned {
  /** The body, byte for byte. */
  readonly body: string;
  readonly sessionId: string;
  /** The delivery that must end before this one starts. Only a conflict has one: the first delivery of its session. */
  readonly after?: Planned;
}

export interface PlanOptions {
  readonly count: number;
  /** Fraction of the deliveries that repeat an earlier one. */
  readonly duplicates: number;
  /** Fraction of the deliveries that contradict an earlier one. */
  readonly conflicts: number;
  readonly status: VerificationStatus;
  readonly platformId: number | undefined;
  /** Session id of every delivery. Undefined gives each session an id of its own. */
  readonly session: string | undefined;
  readonly seed: string;
}

/** Exact number of deliveries of each kind. The three add up to `count`. */
export interface DeliveryCounts {
  readonly sessions: number;
  readonly duplicates: number;
  readonly conflicts: number;
}

/** Returns the number of deliveries of each kind that the fractions of `count` give. */
export function countsOf({ count, duplicates, conflicts, session }: PlanOptions): DeliveryCounts {
  const conflicting = Math.round(count * conflicts);
  const sessions = session === undefined ? count - Math.round(count * duplicates) - conflicting : 1;
  return { sessions, duplicates: count - sessions - conflicting, conflicts: conflicting };
}

/** Yields the deliveries in the order in which they start. The same options yield the same deliveries. */
export function* plan(options: PlanOptions): Generator<Planned> {
  const random = new SeededRandom(`${options.seed}/plan`);
  const left = { ...countsOf(options) };
  const recent: Planned[] = [];
  for (let index = 0; index < options.count; index++) {
    const drawn = random.whole(1, left.sessions + left.duplicates + left.conflicts);
    const earlier = recent[random.whole(0, recent.length - 1)];
    if (!earlier || drawn <= left.sessions) {
      left.sessions--;
      const planned = newSession(options, index);
      recent.push(planned);
      if (recent.length > REPEAT_WINDOW_SESSIONS) recent.shift();
      yield planned;
    } else if (drawn <= left.sessions + left.duplicates) {
      left.duplicates--;
      yield { ...earlier };
    } else {
      left.conflicts--;
      yield conflictWith(earlier, options, index);
    }
  }
}

function newSession({ seed, status, platformId, session }: PlanOptions, index: number): Planned {
  const payload = verificationPayload({
    seed: `${seed}/${index}`,
    status,
    platformId,
    ...(session !== undefined && { sessionId: session }),
  });
  return { body: JSON.stringify(payload), sessionId: payload.sessionId };
}

function conflictWith(earlier: Planned, { seed, status, platformId }: PlanOptions, index: number): Planned {
  const { sessionId } = earlier;
  const other = status === 'COMPLETED' ? 'ERROR' : 'COMPLETED';
  const payload = verificationPayload({ seed: `${seed}/${index}`, status: other, platformId, sessionId });
  return { body: JSON.stringify(payload), sessionId, after: earlier };
}
