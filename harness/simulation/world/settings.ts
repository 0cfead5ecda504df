import { SeededRandom } from '../../../src/testing/seeded-random.js';
import { processingSettings, type ProcessingSettings } from '../../../src/processing/processing.options.js';
import type { HandlerSettings } from '../../../src/processing/handlers/handler.options.js';
import { receivingSettings, type ReceivingSettings } from '../../../src/inbox/receiving.options.js';

/** Attempts of a handler. More than the faults of a schedule can use up. */
export const ATTEMPTS = 8;

/** Version of the app that an instance runs. The new one has a handler more. */
export type Version = 'old' | 'new';

/** Settings that the seed decides before a schedule begins. */
export interface ScheduleSettings {
  readonly seed: number;
  /** True if nothing may make a lease run out: no fault, no outage, and no handler that kills. */
  readonly isQuiet: boolean;
  readonly versions: readonly Version[];
  readonly processing: ProcessingSettings;
  readonly receiving: ReceivingSettings;
  readonly sessions: number;
  /** Milliseconds that most statements, and most answers, take at the longest. */
  readonly latency: number;
  /** Number of faults at statements. */
  readonly faults: number;
  /** Times of outages of the server. */
  readonly outages: readonly { readonly at: number; readonly duration: number }[];
  /** Times at which an instance is stopped in order, and started again. */
  readonly deployments: readonly number[];
  /** Times of actions of an operator. */
  readonly actions: readonly number[];
  /** Time after which nothing fails any more. */
  readonly calmAt: number;
  /** Limits of the handlers, of which each schedule has the same for all. */
  readonly limits: HandlerSettings | undefined;
}

const NO_LIMITS = { timeout: undefined, retry: undefined, priority: undefined, queue: undefined } as const;

const LIMITS: readonly [HandlerSettings, ...HandlerSettings[]] = [
  { ...NO_LIMITS, concurrency: 1, rateLimit: undefined },
  { ...NO_LIMITS, timeout: 2_000, concurrency: undefined, rateLimit: { max: 1, per: 700 } },
];

/** Milliseconds in which what happens in a schedule begins. */
const SPAN_MS = 4_000;

export function scheduleSettings(seed: number): ScheduleSettings {
  const random = new SeededRandom(`settings ${seed}`);
  const times = (most: number) =>
    Array.from({ length: Math.max(0, random.whole(-1, most)) }, () => random.whole(0, SPAN_MS));
  const isQuiet = random.next() < 0.25;
  const lease = random.pick([3_000, 6_000, 12_000]);
  return {
    seed,
    isQuiet,
    versions: random.next() < 0.7 ? ['new', 'new'] : ['new', 'old', random.pick(['old', 'new'])],
    processing: processingSettings({
      lease,
      pollInterval: Math.min(lease, random.pick([1_000, 3_000, 5_000])),
      handlerTimeout: random.pick([1_000, 4_000]),
      drainTimeout: random.pick([0, 500, 2_000]),
      concurrency: random.pick([1, 2, 20]),
      retry: { attempts: ATTEMPTS, initialDelay: random.pick([0, 200, 1_000]), maxDelay: 2_000 },
    }),
    receiving: receivingSettings({ ackTimeout: random.pick([1_000, 5_000]) }),
    sessions: random.whole(1, 4),
    latency: random.pick([2, 2, 30, lease / 60]), // two statements of a renewal have a sixth of the lease
    faults: isQuiet ? 0 : random.whole(0, 4),
    outages:
      !isQuiet && random.next() < 0.15
        ? [{ at: random.whole(0, SPAN_MS), duration: random.whole(100, 2 * lease) }]
        : [],
    deployments: random.next() < (isQuiet ? 0.6 : 0.3) ? times(2) : [],
    actions: random.next() < 0.4 ? times(3) : [],
    calmAt: SPAN_MS + 1_000,
    limits: random.next() < 0.25 ? random.pick(LIMITS) : undefined,
  };
}
