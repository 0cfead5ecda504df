import { SeededRandom } from '../../../src/testing/seeded-random.js';
import type { HandlerId } from './handler-ids.js';

/** Behaviour of one call of a handler. */
export type Behaviour =
  | 'succeed'
  | 'take-time'
  | 'nest'
  | 'hang-nested'
  | 'fail'
  | 'fail-always'
  | 'fail-after-writing'
  | 'fail-for-good'
  | 'ask-for-time'
  | 'hang'
  | 'hang-deaf'
  | 'swallow'
  | 'roll-back'
  | 'kill';

const PASSING = [
  'take-time',
  'nest',
  'hang-nested',
  'fail',
  'fail-after-writing',
  'ask-for-time',
  'hang',
  'hang-deaf',
  'swallow',
  'roll-back',
] as const;

/** Behaviour of a handler at the calls for a session, in turn. It then succeeds, or fails always. */
interface Script {
  readonly calls: Behaviour[];
  readonly end: 'succeed' | 'nest' | 'fail-always' | 'fail-for-good';
}

/** The scripts of one schedule. */
export class Scripts {
  readonly #scripts = new Map<string, Script>();

  constructor(
    private readonly seed: number,
    private readonly isQuiet = false,
  ) {}

  next(session: string, handler: HandlerId, isCalm: boolean): Behaviour {
    const { calls, end } = this.#of(session, handler);
    const next = calls.shift() ?? end;
    return isCalm && next === 'kill' ? end : next;
  }

  /** Tells whether a handler can never succeed for a session. */
  isHopeless(session: string, handler: HandlerId): boolean {
    return this.#of(session, handler).end.startsWith('fail');
  }

  /** Failure of a handler that can never succeed: at once for good, or at every attempt. */
  failsAtOnce(session: string, handler: HandlerId): boolean {
    return this.#of(session, handler).end === 'fail-for-good';
  }

  /** Number of times that a handler kills its process for a session. */
  readonly kills = new Map<string, number>();

  #of(session: string, handler: HandlerId): Script {
    const name = `${session} ${handler}`;
    let script = this.#scripts.get(name);
    if (!script) {
      script = this.#draw(session, handler);
      this.#scripts.set(name, script);
    }
    return script;
  }

  #draw(session: string, handler: HandlerId): Script {
    const random = new SeededRandom(`script ${this.seed} ${session} ${handler}`);
    const draw = random.next();
    if (draw < 0.06) return { calls: [], end: random.pick(['fail-always', 'fail-for-good']) };
    if (draw < 0.1 && !this.isQuiet) {
      const kills = random.whole(1, 4);
      this.kills.set(session, (this.kills.get(session) ?? 0) + kills);
      return { calls: Array.from({ length: kills }, () => 'kill' as const), end: 'succeed' };
    }
    const count = random.next() < 0.5 ? 0 : random.whole(1, 2);
    return { calls: Array.from({ length: count }, () => random.pick(PASSING)), end: random.pick(['succeed', 'nest']) };
  }
}
