import { Injectable } from '@nestjs/common';
import { Clock } from '../../clock.js';
import type { ClaimedDelivery } from '../../inbox/claimed-delivery.js';
import { attemptChannel } from '../../instrumentation/occurrence.channels.js';
import type { AttemptMessage, AttemptOutcome } from '../../instrumentation/occurrences.js';
import { redactValues } from '../../instrumentation/error.redactor.js';
import type { AttemptFacts } from '../../instrumentation/telemetry.js';
import { TelemetryHooks } from '../../instrumentation/telemetry.hooks.js';
import { errorClass } from '../../instrumentation/single-line.js';
import type { VerificationHandler } from '../handlers/verification-handler.js';
import { WorkerIdentity } from '../worker.identity.js';
import { waitOf, type ClaimOrigin } from './claim.origin.js';

/** End of an attempt. `error`: as it may be written down, and as it was thrown. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  readonly nextIn?: number | undefined;
  readonly error?: { readonly text: string; readonly cause: unknown };
}

/**
 * Follows attempts of handlers for the telemetry of the host, and for whoever subscribes to the tracing channel of
 * attempts.
 */
@Injectable()
export class AttemptObserver {
  private readonly channel = attemptChannel();

  constructor(
    private readonly identity: WorkerIdentity,
    private readonly clock: Clock,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /** Returns undefined while nobody listens. */
  observe(
    delivery: ClaimedDelivery,
    origin: ClaimOrigin,
    handler: VerificationHandler,
    attempt: number,
  ): ObservedAttempt | undefined {
    if (!this.channel.hasSubscribers && !this.telemetry.followsAttempts) return undefined;
    const message: AttemptMessage = {
      instance: this.identity.id,
      deliveryId: delivery.id,
      handler: handler.id,
      attempt,
      isReplay: delivery.replays > 0,
      isTransactional: handler.transactional,
      source: origin.source,
      waited: waitOf(delivery, origin, this.clock.now()),
    };
    return new ObservedAttempt(this.channel, this.telemetry, message, delivery);
  }
}

/** One attempt that somebody follows, from the call of the handler to its outcome. */
export class ObservedAttempt {
  #begunAt: number | undefined;
  #listeners: ((ended: Readonly<AttemptMessage>) => unknown)[] | undefined;

  constructor(
    private readonly channel: ReturnType<typeof attemptChannel>,
    private readonly telemetry: TelemetryHooks,
    private readonly message: AttemptMessage,
    private readonly delivery: Pick<ClaimedDelivery, 'sessionId' | 'tenant' | 'traceContext' | 'replayTraceContext'>,
  ) {}

  /** Calls the handler, which gets this event, within the stores that subscribers have bound to the channel. */
  enter<T>(handle: () => T, event: unknown): T {
    const { start, end } = this.channel;
    this.#begunAt = performance.now();
    try {
      return start.runStores(this.message, () =>
        this.telemetry.followsAttempts ? this.#around(handle, event) : handle(),
      );
    } finally {
      end.publish(this.message);
    }
  }

  #around<T>(handle: () => T, event: unknown): T {
    const onEnd: AttemptFacts['onEnd'] = (listener) => {
      this.#listeners ??= [];
      this.#listeners.push(listener);
    };
    const { traceContext: traceparent, replayTraceContext: replayTraceparent } = this.delivery;
    const facts = { traceparent, replayTraceparent, onEnd, ...this.message }; // spread last: first, it is slow
    return this.telemetry.around(facts, handle, event);
  }

  /** Announces the outcome, once. Does nothing if the handler was never called. */
  end({ outcome, nextIn, error }: AttemptEnd): void {
    if (this.#begunAt === undefined) return;
    const { channel, message } = this;
    Object.assign(message, { outcome, duration: performance.now() - this.#begunAt, nextIn });
    this.#begunAt = undefined;
    if (error) {
      const said = {
        type: errorClass(error.cause),
        message: redactValues(error.text, [this.delivery.sessionId, this.delivery.tenant]),
      };
      message.error = Object.defineProperty(said, 'cause', { value: error.cause });
      channel.error.publish(message);
    }
    channel.asyncStart.publish(message);
    channel.asyncEnd.publish(message);
    if (this.#listeners) this.telemetry.tellEnd(this.#listeners, message);
  }
}
