import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { CachedRead } from '../concurrency/cached.read.js';
import type { SecretUseRow } from '../inbox/secret-use.entity.js';
import { SecretUseRepository } from '../inbox/secret-use.repository.js';
import type { InboxGauges } from '../instrumentation/inbox.gauges.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { Gauges, MAX_GAUGE_AGE_MS, PROBE_TIMEOUT_MS } from './gauges.js';
import type { HealthLimits, HealthOptions, HealthProblem, HealthProblemCode } from './inbox.health.js';
import { differencesOf } from './instance.differences.js';
import { Instances } from './instances.js';
import type { Instance } from './instance.view.js';
import { problemOf } from './problem.remedies.js';
import { TallyReader } from './tally.reader.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const BACKLOG: HealthLimits = { degraded: 60_000, failing: 900_000 };
const DEAD_LETTERS: HealthLimits = { degraded: 1, failing: 100 };
const REJECTIONS: HealthLimits = { degraded: 1 };
/** Minutes that are looked at for refusals, and how many of these are too many. */
const RECENT_MINUTES = 10;
const MAX_UNAUTHORIZED = 100;

type Maybe = HealthProblem | false | undefined;

/** What is known of all instances together. */
interface Facts {
  readonly now: number;
  readonly gauges: InboxGauges;
  /** Undefined if it could not be read. */
  readonly history: ReadFacts | undefined;
}

interface ReadFacts {
  readonly instances: readonly Instance[];
  readonly secretUses: readonly SecretUseRow[];
  readonly recent: Readonly<Record<string, number>>;
}

/**
 * Finds what is wrong with the inbox, whoever asks: probes, the page or the command line. What is asked of the database
 * is read at most once in a while.
 */
@Injectable()
export class InboxProblems {
  private readonly history: CachedRead<ReadFacts>;

  constructor(
    private readonly gauges: Gauges,
    private readonly instances: Instances,
    private readonly secretUses: SecretUseRepository,
    private readonly tallies: TallyReader,
    private readonly clock: Clock,
    telemetry: TelemetryHooks,
  ) {
    this.history = new CachedRead(() => telemetry.inBackground(() => this.readHistory()), clock, PROBE_TIMEOUT_MS);
  }

  /** Never rejects. */
  async find(options: HealthOptions = {}): Promise<HealthProblem[]> {
    const gauges = await this.gauges.read().catch(() => undefined);
    if (!gauges) return [failing('database-unavailable', 'The database does not answer.')];
    const history = await this.history.read(MAX_GAUGE_AGE_MS).catch(() => undefined);
    const facts = { now: this.clock.now(), gauges, history };
    const found: Maybe[] = [...inGauges(facts, options), ...inHistory(facts, options)];
    const problems = found.filter((problem) => problem !== false && problem !== undefined);
    return problems.toSorted((one, other) => Number(other.severity === 'failing') - Number(one.severity === 'failing'));
  }

  private async readHistory(): Promise<ReadFacts> {
    return {
      instances: await this.instances.list(),
      secretUses: await this.secretUses.list(),
      recent: await this.tallies.recent(RECENT_MINUTES),
    };
  }
}

function inGauges({ gauges, history }: Facts, { backlog, deadLetters, rejections }: HealthOptions): Maybe[] {
  const open = Object.values(gauges.openRejections).reduce((sum, count) => sum + count, 0);
  const { oldestDue } = gauges;
  const isAnybodyKnown = history !== undefined && history.instances.length > 0;
  const isNobodyThere =
    isAnybodyKnown && !history.instances.some(({ state, processes }) => state === 'live' && processes);
  const waiting = beyond(limitsOf(BACKLOG, backlog), 'backlog', 'Due deliveries wait.', oldestDue);
  return [
    isNobodyThere &&
      waiting &&
      failing('nobody-processes', 'Deliveries are due, and no live instance processes.', oldestDue),
    waiting,
    beyond(limitsOf(DEAD_LETTERS, deadLetters), 'dead-letters', 'Deliveries are dead.', gauges.dead),
    beyond(limitsOf(REJECTIONS, rejections), 'rejections', 'Rejections wait for a decision.', open),
  ];
}

function inHistory(
  { now, history }: Facts,
  { secretExpiry = 14 * DAY_MS, clockOffset = 5_000 }: HealthOptions,
): Maybe[] {
  if (!history) return [];
  const { instances, secretUses, recent } = history;
  const live = instances.filter(({ state }) => state === 'live');
  const lost = instances.filter(({ state, heardAt }) => state === 'lost' && now - heardAt < HOUR_MS).length;
  const { unauthorized = 0, unavailable = 0 } = recent;
  const offset = Math.max(0, ...live.map((instance) => Math.abs(instance.clockOffset)));
  const isExpiredUsed = secretUses.some(({ lastExpiredUseAt }) => now - (lastExpiredUseAt ?? -Infinity) < HOUR_MS);
  const [difference] = differencesOf(instances, now);
  return [
    live.some(({ isDurable }) => !isDurable) &&
      failing('not-durable', 'An acknowledged delivery could be lost in a crash.'),
    unavailable > 0 && degraded('unavailable', 'POSTs were answered 503 in the last 10 minutes.', unavailable),
    unauthorized > MAX_UNAUTHORIZED &&
      degraded('unauthorized', 'POSTs were answered 401 in the last 10 minutes.', unauthorized),
    isExpiredUsed && degraded('expired-secret-used', 'The provider sends a secret that has expired.'),
    expiryOf(live, now, secretExpiry),
    offset > clockOffset && degraded('clock-apart', 'The clocks of a machine and of the database differ.', offset),
    lost > 0 && degraded('instance-lost', 'An instance is not heard of, and has not stopped.', lost),
    difference !== undefined && degraded('instances-differ', difference),
  ];
}

/** Looks at the secret that is valid for the longest time, on the instance that has the least of it. */
function expiryOf(live: readonly Instance[], now: number, secretExpiry: number): Maybe {
  const ends = live
    .filter(({ receives, secretExpiries }) => receives && secretExpiries.length > 0)
    .map(({ secretExpiries }) => Math.max(...secretExpiries.map((end) => end ?? Infinity)));
  return expiryIn(Math.min(...ends, Infinity) - now, secretExpiry);
}

/** Tells of the secret that is valid for the longest time. */
export function expiryIn(timeLeft: number, secretExpiry: number): Maybe {
  if (timeLeft < 0) return failing('secrets-expired', 'No secret is valid, so every POST is refused.');
  return timeLeft < secretExpiry && degraded('secret-expires', 'The last valid secret expires soon.', timeLeft);
}

/** A limit that is undefined counts as left out. */
function limitsOf(defaults: HealthLimits, given: HealthLimits = {}): Required<HealthLimits> {
  const limitOf = (name: keyof HealthLimits) => given[name] ?? defaults[name] ?? Infinity;
  return { degraded: limitOf('degraded'), failing: limitOf('failing') };
}

function beyond(limits: Required<HealthLimits>, code: HealthProblemCode, message: string, value: number): Maybe {
  if (value >= limits.failing) return failing(code, message, value);
  return value >= limits.degraded && degraded(code, message, value);
}

export function failing(code: HealthProblemCode, message: string, value?: number): HealthProblem {
  return problemOf({ code, severity: 'failing', message, ...(value !== undefined && { value }) });
}

export function degraded(code: HealthProblemCode, message: string, value?: number): HealthProblem {
  return { ...failing(code, message, value), severity: 'degraded' };
}
