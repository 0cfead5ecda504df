import { Injectable, Logger } from '@nestjs/common';
import type { InternalOccurrences } from './internal.occurrences.js';
import { ActionLog } from './action.log.js';
import { Instrumentation } from './instrumentation.js';
import { ExecutionLog } from './execution.log.js';
import { numberOfDeliveries, numberOf } from './number-of.js';
import { QueueLog } from './queue.log.js';
import { throttleKeyOf, RepeatedLines } from './repeated.lines.js';
import { RefusalLog } from './refusal.log.js';
import { RunLog } from './run.log.js';
import { ErasureLog } from './erasure.log.js';
import { RetentionLog } from './retention.log.js';
import { SealLog } from './seal.log.js';
import { SubscriberLog } from './subscriber.log.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Writes every log line of the module. docs/operations.md explains each. */
@Injectable()
export class LogSubscriber {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private readonly refusals = new RefusalLog(this.logger);
  private readonly runs = new RunLog(this.logger);
  private readonly lines = new RepeatedLines(SECOND_MS);
  private readonly unknownHandlers = new RepeatedLines(MINUTE_MS);

  constructor(instrumentation: Instrumentation) {
    new RetentionLog(this.logger).subscribeTo(instrumentation);
    new ExecutionLog(this.logger).subscribeTo(instrumentation);
    new ActionLog(this.logger).subscribeTo(instrumentation);
    new ErasureLog(this.logger).subscribeTo(instrumentation);
    new SealLog(this.logger).subscribeTo(instrumentation);
    new QueueLog(this.logger).subscribeTo(instrumentation);
    new SubscriberLog(this.logger).subscribeTo(instrumentation);
    instrumentation.subscribe('started', (occurrence) => this.logStart(occurrence));
    instrumentation.subscribe('stopped', () => {
      for (const held of [this.runs, this.lines, this.unknownHandlers]) held.flush();
    });
    this.logSettings(instrumentation);
    this.logHandlers(instrumentation);
    this.logDurability(instrumentation);
    this.logReceiving(instrumentation);
    this.logProcessing(instrumentation);
    this.logWorker(instrumentation);
  }

  private logSettings(instrumentation: Instrumentation): void {
    instrumentation.subscribe('auth-disabled', ({ routes }) =>
      this.logger.warn(`auth is "none": everyone who reaches ${routes.join(', ')} can post events. Set auth.secrets.`),
    );
    instrumentation.subscribe('secret-weak', ({ secret, problem, minLength }) => {
      if (problem === 'short')
        this.logger.warn(`${secret} has fewer than ${minLength} characters. Use 32 random ones or more.`);
      else this.logger.warn(`${secret} has expired and is refused. Remove it.`);
    });
    instrumentation.subscribe('duration-suspect', ({ option, ms, problem }) => {
      if (problem === 'short')
        this.logger.warn(
          `Option "${option}" is ${ms} ms. Durations are milliseconds: write ${ms}_000 for ${ms} seconds.`,
        );
      else
        this.logger.warn(
          `Option "${option}" is ${ms} ms, but the provider waits 30 seconds for an answer unless the portal says otherwise. Lower it.`,
        );
    });
    instrumentation.subscribe('shutdown-hooks-missing', () =>
      this.logger.warn(
        'Shutdown hooks are off: SIGTERM will kill running handlers, which run again once their lease has expired. Call app.enableShutdownHooks().',
      ),
    );
  }

  private logHandlers(instrumentation: Instrumentation): void {
    instrumentation.subscribe('handlers-missing', () =>
      this.logger.warn(
        'No handler is subscribed, so deliveries are recorded and stay pending. Add the class with @OnVerification to the providers of a module, or set processing.enabled to false.',
      ),
    );
    instrumentation.subscribe('pool-scarce', ({ connections }) =>
      this.logger.warn(
        `The pool of the app has ${numberOf(connections, 'connection')}, and a transactional handler keeps one while it runs. Its other queries, and those of the app, may wait for that one. Set poolSize to 5 or more.`,
      ),
    );
    instrumentation.subscribe('handler-id-unstable', ({ handler }) =>
      this.logger.warn(
        `The handler "${handler}" has its id from a class name that looks minified. The next build may give that id to another handler. Set an id: @OnVerification(…, { id: '…' }).`,
      ),
    );
    instrumentation.subscribe('listener-unsafe', ({ listener }) =>
      this.logger.warn(
        `${listener} listens with @OnEvent, which swallows its failures: they would not be retried. Use @OnVerification, or { suppressErrors: false } without async and nextTick.`,
      ),
    );
    instrumentation.subscribe('event-emitter-failed', ({ error }) =>
      this.logger.error(`The listeners of @OnEvent could not be registered: ${error}`),
    );
  }

  private logDurability(instrumentation: Instrumentation): void {
    instrumentation.subscribe('not-durable', ({ problem }) =>
      this.logger.warn(`An acknowledged delivery could be lost in a crash: ${problem}`),
    );
    instrumentation.subscribe('inbox-in-memory', () =>
      this.logger.warn(
        'The inbox is in memory: nothing that is acknowledged survives this process. Use a database file or server outside tests.',
      ),
    );
    instrumentation.subscribe('notifications-lost', ({ error }) =>
      this.logger.warn(
        `LISTEN/NOTIFY does not work, so deliveries of other instances wait for the next poll. Let "database.listenNotify" reach PostgreSQL without a pooler, or leave it out: ${error}`,
      ),
    );
    instrumentation.subscribe('durability-unknown', ({ error }) =>
      this.logger.warn(`Could not read the durability settings of the database: ${error}. Check them by hand.`),
    );
  }

  private logStart({ routes, database, tables, isDurable, handlers }: InternalOccurrences['started']): void {
    this.logger.log(
      `${routes.length > 0 ? `POST ${routes.join(', ')}` : 'No route'} | inbox in ${database} (${isDurable ? 'durable' : 'NOT durable'}): ${tables}`,
    );
    const receives = routes.length > 0;
    if (!receives && !handlers)
      this.logger.log('This instance neither receives nor processes: receive and processing.enabled are false.');
    else if (!receives) this.logger.log('This instance does not receive: receive is false.');
    else if (!handlers) this.logger.log('This instance receives only: processing.enabled is false.');
    if (!handlers) return;
    const byStatus = Object.entries(handlers);
    const named = byStatus.filter(([, ids]) => ids.length > 0);
    const missing = byStatus.filter(([, ids]) => ids.length === 0).map(([status]) => status);
    if (named.length === 0) return; // warned of
    this.logger.log(`Handlers by status: ${named.map(([status, ids]) => `${status} → ${ids.join(', ')}`).join('; ')}`);
    if (missing.length > 0) this.logger.log(`No handler is subscribed to ${missing.join(', ')}.`);
  }

  private logReceiving(instrumentation: Instrumentation): void {
    instrumentation.subscribe('refused', ({ kind, status, secretProblem }) =>
      this.lines.count(`refused ${kind}`, `${status} ${secretProblem}`, (count) =>
        this.refusals.write(kind, count, status, secretProblem),
      ),
    );
    instrumentation.subscribe('secrets-unavailable', ({ error }) =>
      this.lines.count('resolver', throttleKeyOf(error), (count) =>
        this.logger.error(`Answered 503 to ${numberOf(count, 'POST')}, because "auth.resolveSecrets" failed: ${error}`),
      ),
    );
    instrumentation.subscribe('unavailable', ({ error }) =>
      this.lines.count('unavailable', throttleKeyOf(error), (count) =>
        this.logger.error(`Answered 503 to ${numberOf(count, 'POST')}, which the sender should retry. ${error}`),
      ),
    );
    instrumentation.subscribe('rejected', ({ reason }) =>
      this.lines.count('rejected', reason, (count) =>
        this.logger.warn(
          `${numberOf(count, 'authentic POST')} kept as rejections (${reason}). Look at them with inbox.rejections.list().`,
        ),
      ),
    );
  }

  private logProcessing(instrumentation: Instrumentation): void {
    instrumentation.subscribe('attempt-ended', (occurrence) => this.runs.attemptEnded(occurrence));
    instrumentation.subscribe('run-poisoned', (occurrence) => this.runs.poisoned(occurrence));
    instrumentation.subscribe('dispatch-failed', (occurrence) => this.runs.dispatchFailed(occurrence));
    instrumentation.subscribe('handler-unknown', ({ handler }) =>
      this.unknownHandlers.count('', handler, (count) =>
        this.logger.warn(
          `${numberOfDeliveries(count)} waited for the handler "${handler}", which this instance does not have. Start an instance that has it, or end them with inbox.discard().`,
        ),
      ),
    );
    instrumentation.subscribe('clock-stepped', ({ ms }) =>
      this.logger.warn(
        `The clock of the database was set ${ms < 0 ? 'back' : 'forward'} by ${Math.abs(ms)} ms. Deliveries may be late, or handled twice. Check the time synchronisation of its server.`,
      ),
    );
    instrumentation.subscribe('outcome-late', ({ count }) =>
      this.logger.warn(
        `${numberOfDeliveries(count)} had been rescued by another worker before the outcome was recorded; the handlers run again.`,
      ),
    );
  }

  private logUnavailable(
    { operation, count, error }: InternalOccurrences['database-unavailable'],
    times: number,
  ): void {
    const message = times === 1 ? error.message : `${error.message} (${times} times)`;
    if (operation === 'claim') this.logger.warn(`Could not claim deliveries, will retry: ${message}`);
    else if (operation === 'renew') this.logger.warn(`Could not renew leases, will retry: ${message}`);
    else if (operation === 'complete')
      this.logger.warn(`Could not record the completion of ${numberOfDeliveries(count)}, will retry: ${message}`);
    else if (operation === 'enqueue')
      this.logger.warn(`Could not store ${numberOf(count, 'run')} for a queue, will retry: ${message}`);
    else if (operation === 'record-handlers')
      this.logger.warn(`Could not record the handlers of this instance, will retry: ${message}`);
    else this.logger.warn(`Could not record the outcome of a delivery, will retry: ${message}`);
  }

  private logWorker(instrumentation: Instrumentation): void {
    instrumentation.subscribe('rescued-without-runs', ({ deliveryId }) =>
      this.logger.warn(
        `Rescued delivery ${deliveryId} of a worker that has crashed before its handlers were recorded. Handlers that only that worker had are not called. To run them, call inbox.replay(id, { handlers: [...] }) on an instance that has them.`,
      ),
    );
    instrumentation.subscribe('rescued', ({ deliveryIds }) =>
      this.logger.warn(
        `Rescued ${numberOfDeliveries(deliveryIds.length)} whose lease had expired: a worker has crashed, stalled or lost its database connection.`,
      ),
    );
    instrumentation.subscribe('poisoned', ({ count }) =>
      this.logger.error(
        `Moved ${numberOfDeliveries(count)} to the dead letters after three crashes of the worker (crash-loop).`,
      ),
    );
    instrumentation.subscribe('lease-lost', ({ count, of, why }) => {
      const leased = of === 'runs' ? numberOf(count, 'run') : numberOfDeliveries(count);
      if (why === 'rescued')
        this.logger.warn(`Lost the leases of ${leased}: they had expired, and another worker holds them now.`);
      else if (why === 'not-renewed')
        this.logger.warn(`Lost the leases of ${leased}: they could not be renewed in time.`);
    });
    instrumentation.subscribe('database-unavailable', (failure) =>
      this.lines.count(failure.operation, throttleKeyOf(failure.error.message), (times) =>
        this.logUnavailable(failure, times),
      ),
    );
  }
}
