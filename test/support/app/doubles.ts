import { Injectable } from '@nestjs/common';
import {
  OnVerification,
  VerificationCompleted,
  VerificationErrored,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { Gate } from './fresh-host.js';

/** Keeps the events that it gets, in their order. */
@Injectable()
export class RememberEvents {
  readonly events: VerificationEvent[] = [];

  @OnVerification({ id: 'remember' })
  handle(event: VerificationEvent): void {
    this.events.push(event);
  }

  get sessionIds(): string[] {
    return this.events.map(({ sessionId }) => sessionId);
  }

  get statuses(): string[] {
    return this.events.map(({ status }) => status);
  }

  of(sessionId: unknown): VerificationEvent[] {
    return this.events.filter((event) => event.sessionId === sessionId);
  }
}

export class SucceedAtOnce {
  calls = 0;

  @OnVerification({ id: 'succeed' })
  handle(): void {
    this.calls++;
  }
}

/** Fails the first attempt for each delivery, and succeeds then. */
export class FailOnce {
  readonly attempts: number[] = [];

  @OnVerification({ id: 'fail-once' })
  handle(_: VerificationEvent, { attempt }: HandlerContext): void {
    this.attempts.push(attempt);
    if (attempt === 1) throw new Error('not yet');
  }
}

/** Leaves every other status to other handlers. */
export class FailOnceWhenErrored extends FailOnce {
  @OnVerification(VerificationErrored, { id: 'fail-once' })
  override handle(event: VerificationErrored, context: HandlerContext): void {
    super.handle(event, context);
  }
}

/** Waits for its gate to be opened, and throws its error then, if it has one. */
export class WaitAtAGate {
  gate = new Gate();
  error: Error | undefined;
  readonly runs: { readonly attempt: number; readonly signal: AbortSignal }[] = [];
  readonly signals: AbortSignal[] = [];
  running = 0;
  mostAtOnce = 0;

  @OnVerification({ id: 'wait' })
  async handle(_: VerificationEvent, { attempt, signal }: HandlerContext): Promise<void> {
    this.runs.push({ attempt, signal });
    this.signals.push(signal);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.running);
    await this.gate.pass();
    this.running--;
    if (this.error) throw this.error;
  }
}

/** Leaves every other status to other handlers. */
export class WaitAtAGateWhenCompleted extends WaitAtAGate {
  @OnVerification(VerificationCompleted, { id: 'wait' })
  override handle(event: VerificationCompleted, context: HandlerContext): Promise<void> {
    return super.handle(event, context);
  }
}

/** Leaves every other status to other handlers. */
export class WaitAtAGateWhenErrored extends WaitAtAGate {
  @OnVerification(VerificationErrored, { id: 'wait' })
  override handle(event: VerificationErrored, context: HandlerContext): Promise<void> {
    return super.handle(event, context);
  }
}

/** Has the id of `WaitAtAGate`, as the same handler has on another instance, and does not wait. */
export class PassTheGate {
  readonly sessionIds: string[] = [];

  @OnVerification(VerificationCompleted, { id: 'wait' })
  handle({ sessionId }: VerificationCompleted): void {
    this.sessionIds.push(sessionId);
  }
}

/** Waits for its gate to be opened, and throws its errors then, one a call. */
export class FailBehindAGate {
  readonly attempts: number[] = [];
  readonly gate = new Gate();
  errors: unknown[] = [];

  @OnVerification({ id: 'fail' })
  async handle(_: VerificationEvent, { attempt }: HandlerContext): Promise<void> {
    this.attempts.push(attempt);
    await this.gate.pass();
    if (this.errors.length > 0) throw this.errors.shift();
  }
}

/** Has a transaction, and does nothing in it. */
export class InATransaction {
  @OnVerification({ id: 'transactional', transactional: true })
  handle(): void {}
}
