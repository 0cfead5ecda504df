import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { openTelemetry } from 'nestjs-cr3dentials-webhook/opentelemetry';
import { InATransaction, RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { sealedWith } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { Traced } from '../../support/app/traced.js';
import { databases } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';

describe.each(databases)('an app that is traced, on %s', (kind) => {
  const traced = new Traced();
  const host = freshHost(kind);
  const telemetry = openTelemetry({ metrics: false, tracerProvider: traced.provider });

  beforeEach(() => {
    traced.traceStatements();
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('has no span of the inbox’s statements at its boot, at work, for a probe and at its shutdown', async () => {
    const starting = traced.within('BOOT', () =>
      host.start((a) =>
        sealedWith(['k1'])(a)
          .withHandlers(RememberEvents, InATransaction)
          .withOptions({ telemetry, ...(kind === 'postgres' && { database: { listenNotify: true } }) }),
      ),
    );
    const app = await starting;
    await app.post(payload());
    await until('both have run', () => traced.spans.filter(({ name }) => name.startsWith('handle ')).length === 2);
    await traced.within('PROBE', () => app.inbox.health());
    await traced.within('SIGTERM', () => host.stop(app));
    expect(traced.named('SQL').length).toBe(0);
  });

  it('has those of an operator, in the span of the operator', async () => {
    const app = await host.start((a) => a.withOptions({ telemetry }));
    await traced.within('OPERATOR', () => app.inbox.list({}));
    expect(traced.named('SQL').length).toBeGreaterThan(0);
    const [operator] = traced.named('OPERATOR');
    for (const statement of traced.named('SQL'))
      expect(statement.spanContext().traceId).toBe(operator?.spanContext().traceId);
  });
});
