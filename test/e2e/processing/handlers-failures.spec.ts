import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { once } from 'node:events';
import { databases } from '../../support/database/databases.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

@Injectable()
class StopWithItsSignal {
  readonly reasons: string[] = [];

  @OnVerification()
  async handle(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    await once(signal, 'abort');
    this.reasons.push(String(signal.reason));
    throw new Error('stopped half-way');
  }
}

@Injectable()
class IgnoreItsSignal {
  gate = new Gate();
  readonly signals: AbortSignal[] = [];

  @OnVerification()
  async handle(_: VerificationEvent, { signal }: HandlerContext): Promise<void> {
    this.signals.push(signal);
    await this.gate.pass();
  }
}

/** Throws what the test makes of the event. */
@Injectable()
class ThrowWhatIsMade {
  make: (event: VerificationEvent) => unknown = () => new Error();
  calls = 0;

  @OnVerification()
  handle(event: VerificationEvent): void {
    this.calls++;
    throw this.make(event);
  }
}

const data = {
  accountHolder: `Zoë "Zo" O'Neil\nAmsterdam`,
  iban: 'DE89370400440532013000',
  balance: 1234567.89,
  statements: [{ text: 'Salary of ACME' }],
};
const secrets = [
  'Zoë',
  "O'Neil",
  'Amsterdam',
  'DE89370400440532013000',
  '1234567.89',
  'Salary',
  'user_of_the_partner',
  'tier-gold',
];
const sensitive = () =>
  payload({ extractedData: data, externalReferenceId: 'user_of_the_partner', metadata: { tier: 'tier-gold' } });

describe.each(databases)('a handler that times out, on %s', (kind) => {
  const host = freshHost(kind);
  const impatient = { processing: { handlerTimeout: 40, retry: { attempts: 2, initialDelay: 1 } } };

  it('has its signal aborted and has used up an attempt', async () => {
    const app = await host.start((a) => a.withHandlers(StopWithItsSignal).withOptions(impatient));
    const body = payload();
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'dead');

    expect(app.nest.get(StopWithItsSignal).reasons).toEqual([
      'Error: Timed out after 40 ms.',
      'Error: Timed out after 40 ms.',
    ]);
    expect(runs).toMatchObject([{ attempts: 2, lastError: 'Error: Timed out after 40 ms.' }]);
  });

  it('frees its delivery even when it ignores the signal, and changes nothing when it ends later', async () => {
    const app = await host.start((a) =>
      a.withHandlers(IgnoreItsSignal).withOptions({ processing: { handlerTimeout: 40, retry: { attempts: 1 } } }),
    );
    const body = payload();
    await app.post(body);
    const before = await app.delivery(body.sessionId, 'dead');
    const { gate, signals } = app.nest.get(IgnoreItsSignal);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    gate.open();
    const next = payload(); // whatever the late end would write comes before the completion of the next
    await app.post(next);
    await app.delivery(next.sessionId, 'completed');

    expect(await app.inbox.find(before.id)).toEqual(before);
  });
});

describe('a handler that ends in time', () => {
  const host = freshHost('sqlite');

  it('never has its signal aborted, not even after the timeout would have passed', async () => {
    const app = await host.start((a) =>
      a.withHandlers(IgnoreItsSignal).withOptions({ processing: { handlerTimeout: 40, retry: { attempts: 1 } } }),
    );
    const handler = app.nest.get(IgnoreItsSignal);
    handler.gate.open();
    const [quick, late] = [payload(), payload()];
    await app.post(quick);
    await app.delivery(quick.sessionId, 'completed');
    handler.gate = new Gate();
    await app.post(late);
    await app.delivery(late.sessionId, 'dead');

    expect(handler.signals.map(({ aborted }) => aborted)).toEqual([false, true]);
  });
});

describe('the stored error of a failed run', () => {
  const host = freshHost('sqlite');

  async function failed(make: (event: VerificationEvent) => unknown, body = sensitive()) {
    const app = await host.start((a) =>
      a.withHandlers(ThrowWhatIsMade).withOptions({ processing: { retry: { attempts: 1 } } }),
    );
    app.nest.get(ThrowWhatIsMade).make = make;
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'dead');
    return { app, lastError: runs[0]?.lastError ?? '', logged: linesOfHandler(app) };
  }

  it('is its name and message, in the column and in one log line', async () => {
    const { lastError, logged } = await failed(() => new TypeError('the ledger\n is   closed\u0000\u2028today'));

    expect(lastError).toMatch(/^TypeError: the ledger +is +closed +today$/);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain(lastError);
  });

  it.each<[string, (event: VerificationEvent) => unknown]>([
    ['a value', ({ extractedData }) => new Error(`no account of ${String(extractedData?.accountHolder)}`)],
    ['the event', (event) => new Error(`cannot book ${JSON.stringify(event)}`)],
    ['a number', ({ extractedData }) => new RangeError(`${String(extractedData?.balance)} is too much`)],
    ['a part of the data', ({ extractedData }) => new Error(JSON.stringify(extractedData?.statements, null, 2))],
    ['the reference', ({ externalReferenceId }) => new Error(`no partner ${externalReferenceId}`)],
    ['the metadata', ({ metadata }) => new Error(JSON.stringify(metadata))],
    ['a value, and is no Error', ({ extractedData }) => `no account of ${String(extractedData?.accountHolder)}`],
    ['a value in its name', (event) => Object.assign(new Error('x'), { name: String(event.extractedData?.iban) })],
  ])('contains nothing of the payload when the error quotes %s', async (_, make) => {
    const { app, lastError, logged } = await failed(make);

    expect(lastError).toContain('[redacted]');
    expect(secrets.filter((secret) => lastError.includes(secret))).toEqual([]);
    expect(logged).toHaveLength(1);
    expect(app.logger.lines.filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([]);
    expect(app.logger.lines.filter((line) => /[\n\r]/.test(line))).toEqual([]);
  });

  it('contains nothing of the payload when the error quotes more than is read of it', async () => {
    const long = payload({ extractedData: { first: 'A'.repeat(6_000), second: 'B'.repeat(6_000) } });
    const { lastError } = await failed(({ extractedData }) => new Error(JSON.stringify(extractedData)), long);

    expect(lastError).toContain('[redacted]');
    expect(lastError).not.toMatch(/AAA|BBB/);
  });

  it('is cut to a maximum length', async () => {
    const { lastError, logged } = await failed(() => new Error('x'.repeat(100_000)));

    expect(lastError).toHaveLength(501);
    expect(logged[0]?.length).toBeLessThan(1_000);
  });
});

describe('a handler that throws', () => {
  const host = freshHost('sqlite');

  it.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['an object without a prototype', () => Object.create(null) as object],
  ])('%s has used up an attempt like any other', async (_, make) => {
    const app = await host.start((a) =>
      a.withHandlers(ThrowWhatIsMade).withOptions({ processing: { retry: { attempts: 2, initialDelay: 1 } } }),
    );
    const handler = app.nest.get(ThrowWhatIsMade);
    handler.make = make;
    const body = payload();
    await app.post(body);

    expect((await app.delivery(body.sessionId, 'dead')).runs).toMatchObject([{ state: 'dead', attempts: 2 }]);
    expect(handler.calls).toBe(2);
  });
});

function linesOfHandler(app: WebhookApp): string[] {
  return app.logger.matching(/^(WARN|ERROR) Handler "ThrowWhatIsMade\.handle"/);
}
