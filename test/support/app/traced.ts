import { context, trace, type Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, jest } from '@jest/globals';
import { DatabaseConnection } from '../../../src/database/database.connection.js';
import { SingleConnection } from '../../../src/database/single.connection.js';

const STATEMENTS = ['execute', 'transaction', 'transactionOf'] as const;

/** The SDK of OpenTelemetry as a host starts it, with its spans in memory. */
export class Traced {
  readonly #exporter = new InMemorySpanExporter();
  readonly provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#exporter)] });

  constructor() {
    beforeEach(() => {
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    });
    afterEach(() => {
      context.disable();
      this.#exporter.reset();
    });
  }

  get spans(): ReadableSpan[] {
    return this.#exporter.getFinishedSpans();
  }

  named(name: string): ReadableSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /**
   * Makes a span of each statement of the inbox, as an instrumentation of its driver does, from the first of the boot on.
   * Restore the mocks after the test.
   */
  traceStatements(): void {
    const within = (call: () => unknown) => this.within('SQL', call);
    for (const { prototype } of [DatabaseConnection, SingleConnection]) {
      for (const name of STATEMENTS) {
        if (!Object.hasOwn(prototype, name)) continue;
        const original: (...args: unknown[]) => unknown = prototype[name] as never;
        jest.spyOn(prototype, name).mockImplementation(function (this: DatabaseConnection, ...args: unknown[]) {
          return within(() => original.apply(this, args)) as never;
        });
      }
    }
  }

  /** Makes a span as an instrumentation of HTTP or of a database does. */
  within<T>(name: string, work: () => T, parent: Context = context.active()): T {
    const span = this.provider.getTracer('an instrumentation').startSpan(name, {}, parent);
    try {
      return context.with(trace.setSpan(parent, span), work);
    } finally {
      span.end();
    }
  }
}

export function parentIdOf(span: ReadableSpan | undefined): string | undefined {
  return span?.parentSpanContext?.spanId;
}

export function linkedIdsOf(span: ReadableSpan | undefined): string[] {
  return (span?.links ?? []).map((link) => link.context.spanId);
}
