import type { VerificationStatus } from '../contract/verification-status.js';
import { SeededRandom } from '../testing/seeded-random.js';
import { verificationPayload } from '../testing/verification-payload.js';

/** A duplicate or a conflict repeats one of this many latest sessions. The session may still be in progress. */
const REPEAT_WINDOW_SESSIONS = 100;

/** One delivery to send. */
export interface Planned {
  /** The body, byte for byte. */
  readonly body: string;
  readonly sessionId: string;
  /** The delivery that must end before this one starts. A conflict needs an earlier delivery of its session. */
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
  /** The session id of every delivery. */
  readonly session: string | undefined;
  readonly seed: string;
}

/** The exact number of deliveries of each kind. */
export interface Shares {
  readonly sessions: number;
  readonly duplicates: number;
  readonly conflicts: number;
}

/** Divides `count` by the fractions. */
export function sharesOf({ count, duplicates, conflicts, session }: PlanOptions): Shares {
  const conflicting = Math.round(count * conflicts);
  const sessions = session === undefined ? count - Math.round(count * duplicates) - conflicting : 1;
  return { sessions, duplicates: count - sessions - conflicting, conflicts: conflicting };
}

/** Yields the deliveries in the order in which they start. The same options give the same plan. */
export function* plan(options: PlanOptions): Generator<Planned> {
  const random = new SeededRandom(`${options.seed}/plan`);
  const left = { ...sharesOf(options) };
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
