import {
  context,
  createContextKey,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Link,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { ReceivingSpan, AttemptFacts, Telemetry } from '../instrumentation/telemetry.js';
import type { OccurrenceMessage } from '../instrumentation/occurrence.names.js';
import type { AttemptMessage } from '../instrumentation/occurrences.js';
import type { VerificationEvent } from '../processing/handlers/verification.event.js';
import { attributesOf, operations } from './messaging.js';
import type { OpenTelemetryOptions } from './open-telemetry.options.js';
import { formatTraceparent, parseTraceparent, readTraceparent } from './traceparent.js';

type Received = Omit<OccurrenceMessage<'received'>, 'instance'>;

/** The key by which every major version of the SDK recognises work that is not to be traced. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');

const MS_PER_SECOND = 1_000;

const RECORD = { kind: SpanKind.PRODUCER, attributes: attributesOf(operations.record) };
const HANDLE = attributesOf(operations.handle);
const NO_LINKS: Link[] = [];

/** Makes a span of each POST that is recorded, and of each attempt of a handler. */
export class Spans implements Pick<Required<Telemetry>, 'receiving' | 'around' | 'active' | 'quiet'> {
  /** Of spans of attempts, by handler. */
  readonly #attributes = new Map<string, Attributes>();

  constructor(
    private readonly tracer: Tracer,
    private readonly firstAttempt: 'child' | 'link',
    private readonly attributesOfHost: OpenTelemetryOptions['spanAttributes'],
  ) {}

  receiving(): ReceivingSpan {
    const span = this.tracer.startSpan('record inbox', RECORD);
    return { traceparent: formatTraceparent(span.spanContext()), end: (received) => endOfRecord(span, received) };
  }

  /**
   * The first attempt is a child of the POST, if it stays in memory. Others may be hours later: each is a trace, linked to
   * it.
   *
   * @returns what rejects if the attributes of the host could not be had
   */
  around(attempt: AttemptFacts, handle: () => void, event: unknown): Promise<void> | undefined {
    const post = postOf(attempt);
    const isFirst = attempt.source === 'handoff' && attempt.attempt === 1 && !attempt.isReplay;
    const isChild = isFirst && this.firstAttempt === 'child' && post !== undefined;
    const parent = isChild ? trace.setSpanContext(ROOT_CONTEXT, post) : ROOT_CONTEXT;
    const operator = parseTraceparent(attempt.replayTraceparent);
    const span = this.startAttempt(attempt, linksTo(isChild ? undefined : post, operator), parent);
    attempt.onEnd((end) => endOfAttempt(span, end));
    context.with(trace.setSpan(ROOT_CONTEXT, span), handle);
    if (!this.attributesOfHost || !span.isRecording()) return undefined;
    return this.describe(span, attempt, event as VerificationEvent);
  }

  active(): string | undefined {
    const span = trace.getActiveSpan();
    return span && formatTraceparent(span.spanContext());
  }

  quiet(work: () => void): void {
    context.with(context.active().setValue(SUPPRESSED, true), work);
  }

  /** What a sampler may want to know comes first. The rest is for a span that is kept: most are not. */
  private startAttempt(facts: AttemptFacts, links: Link[], parent: Context): Span {
    const { handler, deliveryId, attempt, isReplay, source, waited } = facts;
    const attributes = this.#attributes.get(handler) ?? this.attributesFor(handler);
    const options = { kind: SpanKind.CONSUMER, attributes, links };
    const span = this.tracer.startSpan(`handle ${handler}`, options, parent);
    if (!span.isRecording()) return span;
    return span.setAttributes({
      'messaging.message.id': deliveryId,
      'cr3dentials_webhook.attempt': attempt,
      'cr3dentials_webhook.is_replay': isReplay,
      'cr3dentials_webhook.source': source,
      ...(waited !== undefined && { 'cr3dentials_webhook.waited': waited / MS_PER_SECOND }),
    });
  }

  /** Made once for each handler: to put an object together takes longer than the rest of a span that is not kept. */
  private attributesFor(handler: string): Attributes {
    const attributes = { ...HANDLE, 'messaging.destination.subscription.name': handler };
    this.#attributes.set(handler, attributes);
    return attributes;
  }

  /** A function of the host may be asynchronous, although its type forbids it. */
  private async describe(span: Span, attempt: AttemptFacts, event: VerificationEvent): Promise<void> {
    const attributes: unknown = this.attributesOfHost?.(event, attempt);
    span.setAttributes((await attributes) as Attributes);
  }
}

/** What comes from memory was checked when it was given. What comes from the database may be anything. */
function postOf({ source, traceparent }: AttemptFacts): SpanContext | undefined {
  if (traceparent === null) return undefined;
  return source === 'handoff' ? readTraceparent(traceparent) : parseTraceparent(traceparent);
}

function linksTo(post: SpanContext | undefined, operator: SpanContext | undefined): Link[] {
  if (!operator) return post ? [{ context: post }] : NO_LINKS;
  return post ? [{ context: post }, { context: operator }] : [{ context: operator }];
}

function endOfRecord(span: Span, { verdict, deliveryId, error }: Received): void {
  if (span.isRecording()) {
    span.setAttribute('cr3dentials_webhook.verdict', verdict);
    if (deliveryId !== undefined) span.setAttribute('messaging.message.id', deliveryId);
    if (error) fail(span, error.type);
  }
  span.end();
}

/** An interruption is not an error: the handler runs again, with no attempt used up. */
function endOfAttempt(span: Span, { outcome, error }: Readonly<AttemptMessage>): void {
  if (span.isRecording()) {
    if (outcome) span.setAttribute('cr3dentials_webhook.outcome', outcome);
    if (outcome === 'failed' || outcome === 'dead') fail(span, error?.type ?? 'Error');
  }
  span.end();
}

function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
