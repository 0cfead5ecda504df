import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.js';
import type { InboxSignals } from './inbox.signals.js';
import { Instrumentation } from './instrumentation.js';
import { LogThrottle } from './log.throttle.js';
import { RefusalLog } from './refusal.log.js';
import { RunLog } from './run.log.js';
import { RetentionLog } from './retention.log.js';
import { SealLog } from './seal.log.js';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** Writes every log line of the module. docs/operations.md explains each. */
@Injectable()
export class LogSubscriber {
  private readonly logger = new Logger('Cr3dentialsWebhook');
  private readonly refusals = new RefusalLog(this.logger);
  private readonly runs = new RunLog(this.logger);
  private readonly unavailable: LogThrottle;
  private readonly receiving: LogThrottle;
  private readonly unknownHandlers: LogThrottle;
  private readonly overdue: LogThrottle;
  private readonly heldBack: LogThrottle;
  private readonly retryPolicy: LogThrottle;

  constructor(instrumentation: Instrumentation, clock: Clock) {
    this.unavailable = new LogThrottle(clock, SECOND_MS);
    this.receiving = new LogThrottle(clock, SECOND_MS);
    this.unknownHandlers = new LogThrottle(clock, MINUTE_MS);
    this.overdue = new LogThrottle(clock, MINUTE_MS);
    this.heldBack = new LogThrottle(clock, MINUTE_MS);
    this.retryPolicy = new LogThrottle(clock, MINUTE_MS);
    new RetentionLog(this.logger).subscribeTo(instrumentation);
    new SealLog(this.logger, clock).subscribeTo(instrumentation);
    instrumentation.subscribe('started', (signal) => this.logStart(signal));
    instrumentation.subscribe('stopped', () => this.runs.flush());
    this.logSettings(instrumentation);
    this.logHandlers(instrumentation);
    this.logDurability(instrumentation);
    this.logReceiving(instrumentation);
    this.logProcessing(instrumentation);
    this.logHanging(instrumentation);
    this.logWorker(instrumentation);
  }

  private logSettings(signals: Instrumentation): void {
    signals.subscribe('auth-disabled', ({ routes }) =>
      this.logger.warn(`auth is "none": everyone who reaches ${routes.join(', ')} can post events. Set auth.secrets.`),
    );
    signals.subscribe('secret-weak', ({ secret, problem, minLength }) => {
      if (problem === 'short')
        this.logger.warn(`${secret} has fewer than ${minLength} characters. Use 32 random ones or more.`);
      else this.logger.warn(`${secret} has expired and is refused. Remove it.`);
    });
    signals.subscribe('duration-suspect', ({ option, ms, problem }) => {
      if (problem === 'short')
        this.logger.warn(
          `Option "${option}" is ${ms} ms. Durations are milliseconds: write ${ms}_000 for ${ms} seconds.`,
        );
      else
        this.logger.warn(
          `Option "${option}" is ${ms} ms, but the provider waits 30 seconds for an answer unless the portal says otherwise. Lower it.`,
        );
    });
    signals.subscribe('shutdown-hooks-missing', () =>
      this.logger.warn(
        'SIGTERM interrupts running handlers, which run again once their lease has expired. Call app.enableShutdownHooks().',
      ),
    );
  }

  private logHandlers(signals: Instrumentation): void {
    signals.subscribe('handlers-missing', () =>
      this.logger.warn(
        'No handler is subscribed, so deliveries are recorded and stay pending. Add the class with @OnVerification to the providers of a module, or set processing.enabled to false.',
      ),
    );
    signals.subscribe('pool-scarce', ({ connections }) =>
      this.logger.warn(
        `The pool of the app has ${numberOf(connections, 'connection')}, and a transactional handler keeps one while it runs. Its other queries, and those of the app, may wait for that one. Set poolSize to 5 or more.`,
      ),
    );
    signals.subscribe('handler-id-unstable', ({ handler }) =>
      this.logger.warn(
        `The handler "${handler}" is named after a class whose name looks like that of a bundler. The next build may give its id to another. Name it: @OnVerification(…, { id: '…' }).`,
      ),
    );
    signals.subscribe('listener-unsafe', ({ listener }) =>
      this.logger.warn(
        `${listener} listens with @OnEvent, which swallows its failures: they would not be retried. Use @OnVerification, or { suppressErrors: false } without async and nextTick.`,
      ),
    );
    signals.subscribe('event-emitter-failed', ({ error }) =>
      this.logger.error(`The event emitter has not started: ${error}`),
    );
  }

  private logDurability(signals: Instrumentation): void {
    signals.subscribe('not-durable', ({ problem }) =>
      this.logger.warn(`An acknowledged delivery could be lost in a crash: ${problem}`),
    );
    signals.subscribe('inbox-in-memory', () =>
      this.logger.warn(
        'The inbox is in memory: nothing that is acknowledged survives this process. Use a database file or server outside tests.',
      ),
    );
    signals.subscribe('notifications-lost', ({ error }) =>
      this.logger.warn(
        `Notifications between instances do not work, so that deliveries of other instances wait for the next poll: ${error}. Let "database.listenNotify" reach PostgreSQL without a pooler, or leave it out.`,
      ),
    );
    signals.subscribe('durability-unknown', ({ error }) =>
      this.logger.warn(`Could not read the durability settings of the database: ${error}. Check them by hand.`),
    );
  }

  private logStart({ routes, database, tables, isDurable, handlers }: InboxSignals['started']): void {
    this.logger.log(
      `POST ${routes.join(', ')} | inbox in ${database} (${isDurable ? 'durable' : 'NOT durable'}): ${tables}`,
    );
    if (!handlers) {
      this.logger.log('This instance receives only: processing.enabled is false.');
      return;
    }
    const named = [...handlers].filter(([, ids]) => ids.length > 0);
    const missing = [...handlers].filter(([, ids]) => ids.length === 0).map(([status]) => status);
    if (named.length === 0) return; // warned of
    this.logger.log(`Handlers by status: ${named.map(([status, ids]) => `${status} → ${ids.join(', ')}`).join('; ')}`);
    if (missing.length > 0) this.logger.log(`No handler is subscribed to ${missing.join(', ')}.`);
  }

  private logReceiving(signals: Instrumentation): void {
    signals.subscribe('refused', ({ kind, status }) =>
      this.receiving.pass(kind, (count) => this.refusals.lines[kind]?.(count, status)),
    );
    signals.subscribe('secrets-unavailable', ({ error }) =>
      this.receiving.pass('resolver', (count) =>
        this.logger.error(`"auth.resolveSecrets" failed, so ${count} POST(s) were answered 503: ${error}`),
      ),
    );
    signals.subscribe('unavailable', ({ error }) =>
      this.unavailable.pass('', (count) =>
        this.logger.error(`Answered 503 to ${count} POST(s), which the sender should retry. ${error}`),
      ),
    );
    signals.subscribe('rejected', ({ reason }) =>
      this.receiving.pass(`rejected ${reason}`, (count) =>
        this.logger.warn(
          `${count} authentic POST(s) were kept as rejections (${reason}). Look at them with inbox.rejections.list().`,
        ),
      ),
    );
  }

  private logProcessing(signals: Instrumentation): void {
    signals.subscribe('run-ended', (signal) => this.runs.runEnded(signal));
    signals.subscribe('dispatch-failed', (signal) => this.runs.dispatchFailed(signal));
    signals.subscribe('handler-unknown', ({ handler }) =>
      this.unknownHandlers.pass(handler, (count) =>
        this.logger.warn(
          `${deliveries(count)} waited for the handler "${handler}", which this instance does not have. Start an instance that has it, or end them with inbox.discard().`,
        ),
      ),
    );
    signals.subscribe('clock-stepped', ({ ms }) =>
      this.logger.warn(
        `The clock of the database was set ${ms < 0 ? 'back' : 'forward'} by ${Math.abs(ms)} ms. Deliveries may be late, or handled twice. Check the time synchronisation of its server.`,
      ),
    );
    signals.subscribe('superseded', ({ count }) =>
      this.logger.warn(
        `${deliveries(count)} had been rescued by another worker before the outcome was recorded; the handlers run again.`,
      ),
    );
  }

  private logHanging(signals: Instrumentation): void {
    signals.subscribe('executions-overdue', ({ count, handlers }) =>
      this.overdue.pass('', () => {
        const each = [...handlers].map(([handler, number]) => `${handler} (${number})`).join(', ');
        this.logger.warn(
          `${numberOf(count, 'execution')} of handlers still running after their signal was aborted: ${each}. Let handlers end when their signal is aborted.`,
        );
      }),
    );
    signals.subscribe('run-held-back', ({ handler }) =>
      this.heldBack.pass(handler, (count) =>
        this.logger.warn(
          `Held back ${numberOf(count, 'run')} of the handler "${handler}", because earlier ones time out or have not ended. No attempt was used up.`,
        ),
      ),
    );
    signals.subscribe('retry-policy-failed', ({ problem }) =>
      this.retryPolicy.pass('', (count) =>
        this.logger.error(
          `The function "processing.retry" ${problem} after ${numberOf(count, 'failure')}. Such a handler is retried after a minute or more, 12 attempts in all. Let it return milliseconds or 'dead'.`,
        ),
      ),
    );
  }

  private logUnavailable({ operation, count, error }: InboxSignals['database-unavailable']): void {
    if (operation === 'claim') this.logger.warn(`Could not claim deliveries, will retry: ${error}`);
    else if (operation === 'renew') this.logger.warn(`Could not renew leases, will retry: ${error}`);
    else if (operation === 'complete')
      this.logger.warn(`Could not record the completion of ${deliveries(count)}, will retry: ${error}`);
    else if (operation === 'identify')
      this.logger.warn(`Could not record the handlers of this instance, will retry: ${error}`);
    else this.logger.warn(`Could not record the outcome of a delivery, will retry: ${error}`);
  }

  private logWorker(signals: Instrumentation): void {
    signals.subscribe('rescued-foreign', ({ deliveryId }) =>
      this.logger.warn(
        `Rescued delivery ${deliveryId} of a worker that has crashed, whose runs could not be saved. Handlers that only that worker had are not called. Replay it by their names where they are.`,
      ),
    );
    signals.subscribe('rescued', ({ count }) =>
      this.logger.warn(`Rescued ${deliveries(count)} whose lease had expired: another worker has crashed or stalled.`),
    );
    signals.subscribe('poisoned', ({ count }) =>
      this.logger.error(
        `Moved ${deliveries(count)} to the dead letters after three crashes of the worker (crash-loop).`,
      ),
    );
    signals.subscribe('lease-lost', ({ count, why }) => {
      if (why === 'rescued')
        this.logger.warn(`Lost the lease of ${deliveries(count)}: it had expired, and another worker holds it now.`);
      else this.logger.warn(`Lost the lease of ${deliveries(count)}: it could not be renewed in time.`);
    });
    signals.subscribe('database-unavailable', (failure) =>
      this.unavailable.pass(failure.operation, () => this.logUnavailable(failure)),
    );
    signals.subscribe('subscriber-failed', ({ signal, error }) =>
      this.logger.error(`A subscriber of the signal "${signal}" threw: ${error}`),
    );
  }
}

function deliveries(count: number): string {
  return count === 1 ? '1 delivery' : `${count} deliveries`;
}

function numberOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
