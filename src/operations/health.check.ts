import { Injectable } from '@nestjs/common';
import { SharedSecrets } from '../authentication/shared-secrets.js';
import { Clock } from '../clock.js';
import { ReceivingLimit } from '../concurrency/receiving.limit.js';
import { DatabaseClock } from '../database/database.clock.js';
import type { InboxGauges } from '../instrumentation/inbox.gauges.js';
import { DurabilityStatus } from '../instrumentation/durability.status.js';
import { HandlerQueues } from '../processing/dispatch/handler.queues.js';
import { ShutdownState } from '../processing/shutdown.state.js';
import { DeliveryPoller } from '../processing/worker/delivery.poller.js';
import { LeaseRenewer } from '../processing/worker/lease.renewer.js';
import { atLeast, fields, oneOf, type Check } from '../option.checks.js';
import { Gauges } from './gauges.js';
import type { HealthOptions, HealthProblem, InboxHealth } from './inbox.health.js';
import { degraded, expiryIn, failing, InboxProblems } from './inbox.problems.js';
import { SchemaState } from './schema.state.js';

const DAY_MS = 86_400_000;
const MAX_QUEUE_FILL = 0.9;

type Problem = HealthProblem | false | undefined;

/** `Infinity` is never. */
const limit: Check = (value, name) => {
  if (value !== Infinity) atLeast(0)(value, name);
};
const limits = fields({ degraded: limit, failing: limit });

const checkOptions = fields({
  question: oneOf('alive', 'ready', 'well'),
  backlog: limits,
  deadLetters: limits,
  rejections: limits,
  secretExpiry: limit,
  clockOffset: limit,
});

/** Answers the questions of probes. */
@Injectable()
export class HealthCheck {
  constructor(
    private readonly gauges: Gauges,
    private readonly problems: InboxProblems,
    private readonly schema: SchemaState,
    private readonly durability: DurabilityStatus,
    private readonly secrets: SharedSecrets,
    private readonly queue: ReceivingLimit,
    private readonly renewer: LeaseRenewer,
    private readonly poller: DeliveryPoller,
    private readonly queues: HandlerQueues,
    private readonly shutdown: ShutdownState,
    private readonly databaseClock: DatabaseClock,
    private readonly clock: Clock,
  ) {}

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  async answer(options: HealthOptions): Promise<InboxHealth> {
    checkOptions(options, '');
    const { question = 'well' } = options;
    if (question === 'alive') return healthOf(await this.stuckParts());
    if (question === 'ready')
      return healthOf([this.shutdown.hasBegun && failing('draining', 'This instance is shutting down.')]);
    const common = await this.problems.find(options);
    const isAnswering = common.every(({ code }) => code !== 'database-unavailable');
    const own = [
      ...(await this.stuckParts()),
      ...(isAnswering ? await this.problemsOfSchema() : []),
      ...this.problemsOfInstance(options),
      this.problemOfSecrets(options),
    ];
    const known = new Set(own.map((problem) => problem && problem.code));
    return healthOf([...own, ...common.filter(({ code }) => !known.has(code))]);
  }

  /** A worker that waits for its database is not stuck. */
  private async stuckParts(): Promise<Problem[]> {
    const { renewer, poller } = this;
    const isStuck = poller.isStuck && (await this.read()) !== undefined;
    return [
      renewer.isStalled && failing('leases-not-renewed', 'Leases were not renewed for the time of a lease.'),
      this.queues.isStuck && failing('queue-stuck', 'Jobs wait in a queue, and its worker takes none.'),
      isStuck && failing('worker-stuck', 'The database answers, but no poll for deliveries has ended for a long time.'),
    ];
  }

  private problemsOfInstance({ clockOffset = 5_000 }: HealthOptions): Problem[] {
    const offset = Math.abs(this.databaseClock.offset);
    return [
      this.queues.isAnswering === false && degraded('queue-unavailable', 'Redis does not answer, so queues wait.'),
      !this.durability.isDurable && failing('not-durable', 'An acknowledged delivery could be lost in a crash.'),
      this.queue.fill > MAX_QUEUE_FILL &&
        degraded('inbox-full', 'Waiting POSTs use nearly all of receiving.maxQueued or maxQueuedBytes.'),
      offset > clockOffset && degraded('clock-apart', 'The clocks of machine and database differ.', offset),
    ];
  }

  private problemOfSecrets({ secretExpiry = 14 * DAY_MS }: HealthOptions): Problem {
    const ends = this.secrets.uses().map(({ notAfter }) => notAfter);
    return ends.length > 0 && expiryIn(Math.max(...ends) - this.clock.now(), secretExpiry);
  }

  private async problemsOfSchema(): Promise<Problem[]> {
    const { length: missing } = await this.schema.missingMigrations();
    return [missing > 0 && degraded('schema-incomplete', 'Migrations of the inbox were not run.', missing)];
  }

  private async read(): Promise<InboxGauges | undefined> {
    return this.gauges.read().catch(() => undefined);
  }
}

function healthOf(found: readonly Problem[]): InboxHealth {
  const problems = found.filter((problem) => problem !== false && problem !== undefined);
  const isFailing = problems.some(({ severity }) => severity === 'failing');
  if (isFailing) return { status: 'failing', problems };
  return { status: problems.length > 0 ? 'degraded' : 'ok', problems };
}
