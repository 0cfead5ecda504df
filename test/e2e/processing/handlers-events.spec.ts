import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { IsString, ValidateNested } from 'class-validator';
import { OnVerification, PermanentError, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { HOLDER } from '../../support/app/canaries.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

class Balance {
  @IsString()
  currency!: string;
}

class BankAccount {
  @IsString()
  accountHolder!: string;

  @ValidateNested()
  @Type(() => Balance)
  balance!: Balance;

  get shortName(): string {
    return this.accountHolder.slice(0, 3);
  }
}

/** Changes all that it can. */
class Vandal {
  readonly events: VerificationEvent[] = [];
  readonly refused: string[] = [];

  @OnVerification({ id: 'a-vandal' })
  handle(event: VerificationEvent): void {
    this.events.push(event);
    const data = event.extractedData as { accountHolder: string; balance: { currency: string } };
    for (const [what, change] of Object.entries({
      holder: () => Object.assign(data, { accountHolder: 'NOBODY' }),
      nested: () => Object.assign(data.balance, { currency: 'XXX' }),
      metadata: () => Object.assign(event.metadata as object, { agent: 'nobody' }),
      field: () => Object.assign(event, { sessionId: 'another' }),
      date: () => event.completedAt?.setTime(0),
    })) {
      try {
        change();
      } catch {
        this.refused.push(what);
      }
    }
    Object.defineProperty(event, Symbol.for('cqrs'), { value: 'context' });
  }
}

/** Is called after it, with what it gets. */
class Victim {
  readonly events: VerificationEvent[] = [];
  readonly seen: unknown[] = [];

  @OnVerification({ id: 'b-victim' })
  async handle(event: VerificationEvent): Promise<void> {
    await Promise.resolve();
    this.events.push(event);
    this.seen.push(JSON.parse(JSON.stringify(event)));
  }
}

/** Takes away what the message of its error quotes. */
class ForgetAndFail {
  @OnVerification({ id: 'forget' })
  handle({ extractedData }: VerificationEvent): void {
    const account = extractedData as { accountHolder?: string };
    const name = account.accountHolder;
    delete account.accountHolder;
    throw new PermanentError(`no account of ${name}`);
  }
}

const host = freshHost('sqlite');
const extractedData = { accountHolder: HOLDER, balance: { currency: 'EUR' } };

describe('the event of a handler', () => {
  it.each([
    ['plain data', {}],
    ['an instance of the class of its platform', { platforms: { 1: BankAccount } }],
  ])('is what was sent, whatever another handler has done to %s', async (_, options) => {
    const app = await host.start((a) => a.withHandlers(Vandal, Victim).withOptions(options));
    const body = payload({ extractedData });
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');

    const [vandal, victim] = [app.nest.get(Vandal), app.nest.get(Victim)];
    expect(victim.seen).toMatchObject([{ ...body, completedAt: '2025-03-24T12:05:00.000Z' }]);
    expect(victim.events[0]).not.toBe(vandal.events[0]);
    expect(Object.getOwnPropertySymbols(victim.events[0])).toEqual([]);
    expect(Object.getOwnPropertySymbols(vandal.events[0])).toHaveLength(1);
    expect(vandal.refused).toContain('metadata');
  });

  it('has an instance of the class of its platform, with what it inherits and what is nested', async () => {
    const app = await host.start((a) => a.withHandlers(Victim, Vandal).withOptions({ platforms: { 1: BankAccount } }));
    const body = payload({ extractedData });
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');

    const { extractedData: data } = app.nest.get(Victim).events[0] as VerificationEvent<BankAccount>;
    expect(data).toBeInstanceOf(BankAccount);
    expect(data?.balance).toBeInstanceOf(Balance);
    expect(data?.shortName).toBe(HOLDER.slice(0, 3));
  });

  it.each([
    ['plain data', {}],
    ['an instance of a class', { platforms: { 1: BankAccount } }],
  ])('does not let an error quote %s that the handler has removed', async (_, options) => {
    const app = await host.start((a) =>
      a.withHandlers(ForgetAndFail).withOptions({ ...options, processing: { retry: { attempts: 1 } } }),
    );
    const body = payload({ extractedData });
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'dead');

    expect(runs[0]?.lastError).not.toContain(HOLDER);
  });
});
