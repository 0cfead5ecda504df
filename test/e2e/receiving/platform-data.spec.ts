import { describe, expect, it } from '@jest/globals';
import { OnEvent } from '@nestjs/event-emitter';
import { Transform, Type } from 'class-transformer';
import { IsDate, IsNumber, IsOptional, IsString, ValidateNested } from 'class-validator';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  type Cr3dentialsWebhookOptions,
  type RejectionDetails,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { anyDatabase } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import { SECRET, platforms, type WebhookApp } from '../../support/app/webhook-app.js';

class Balance {
  @IsNumber()
  amount!: number;
}

class BankAccount {
  @IsString()
  accountHolder!: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => Balance)
  balance?: Balance;

  @IsOptional()
  @IsDate()
  @Type(() => Date)
  openedOn?: Date;
}

class LenientAccount {
  @IsOptional()
  @IsString()
  accountHolder?: string;
}

function namelessly(): never {
  throw new Error('It has no name.');
}

/** Fits, or throws, as a test says. */
class Moody {
  static mood: 'fits' | 'throws' | 'throws what cannot say its name' = 'fits';

  @Transform(({ value }: { value: unknown }) => {
    if (Moody.mood === 'throws') throw new TypeError(`cannot read ${String(value)}`);
    if (Moody.mood !== 'fits') throw Object.defineProperty({}, 'name', { get: namelessly });
    return value;
  })
  @IsString()
  accountHolder!: string;
}

class Remember {
  readonly data: unknown[] = [];

  @OnVerification({ id: 'remember' })
  handle({ extractedData }: VerificationEvent): void {
    this.data.push(extractedData);
  }
}

class Listen {
  readonly data: unknown[] = [];

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  handle({ extractedData }: VerificationCompleted): void {
    this.data.push(extractedData);
  }
}

class FailWithData {
  @OnVerification(VerificationCompleted, { id: 'fail' })
  handle({ extractedData }: VerificationCompleted<BankAccount>): void {
    throw new Error(`The ledger refuses ${extractedData?.accountHolder}, opened ${String(extractedData?.openedOn)}.`);
  }
}

/** The one open rejection for its data. */
async function rejected(app: WebhookApp): Promise<RejectionDetails> {
  const [rejection, ...others] = await app.rejections({ reason: 'unexpected-data' });
  expect(others).toEqual([]);
  return rejection as RejectionDetails;
}

const bank = { accountHolder: 'Jane Roe', balance: { amount: 7.5 }, openedOn: '2020-02-29', more: { branch: 3 } };

describe.each(anyDatabase.flatMap((kind) => platforms.map((platform) => [kind, platform] as const)))(
  'a class for a platform, on %s and %s',
  (kind, platform) => {
    const host = freshHost(kind);

    function start(declared: Cr3dentialsWebhookOptions['platforms'] = { 1: BankAccount }): Promise<WebhookApp> {
      return host.start((a) => a.on(platform).withHandlers(Remember, Listen).withOptions({ platforms: declared }));
    }

    it('is what handlers and listeners get, with every field that was sent', async () => {
      const app = await start();
      const body = payload({ extractedData: bank });
      expect(await app.post(body)).toMatchObject({ status: 200, body: '{"received":true}' });
      const { rawBody: stored } = await app.delivery(body.sessionId, 'completed');

      const [data] = app.nest.get(Remember).data as BankAccount[];
      expect(data).toBeInstanceOf(BankAccount);
      expect(data?.balance).toBeInstanceOf(Balance);
      expect(data?.openedOn).toEqual(new Date('2020-02-29'));
      expect(data).toMatchObject({ accountHolder: 'Jane Roe', more: { branch: 3 } });
      expect(app.nest.get(Listen).data).toEqual([data]);
      expect(stored).toBe(JSON.stringify(body));
    });

    it('changes nothing for another platform, nor without data', async () => {
      const app = await start();
      const other = payload({ platformId: 2, extractedData: { accountHolder: 7 } });
      const none = payload({ extractedData: null });
      await app.post(other);
      await app.delivery(other.sessionId, 'completed');
      await app.post(none);
      await app.delivery(none.sessionId, 'completed');
      expect(app.nest.get(Remember).data).toEqual([{ accountHolder: 7 }, null]);
      expect(app.nest.get(Remember).data[0]?.constructor).toBe(Object);
    });

    it('turns data that does not fit into a rejection, acknowledged and without values in its detail', async () => {
      const app = await start();
      const body = payload({ extractedData: { accountHolder: 'Jane Roe', balance: { amount: 'much' } } });
      const text = JSON.stringify(body, null, 1);
      const answers = [await app.post(text), await app.post(text)];

      for (const answer of answers) expect(answer).toMatchObject({ status: 200, body: '{"received":true}' });
      expect(await rejected(app)).toMatchObject({
        detail: '{"extractedData.balance.amount":["isNumber"]}',
        rawBody: JSON.stringify(body),
        sessionId: body.sessionId,
        repeats: 1,
        state: 'open',
      });
      expect(await app.inbox.find({ sessionId: String(body.sessionId) })).toBeNull();
      expect(app.logger.matching(/^WARN .*kept as rejections \(unexpected-data\)/)).not.toEqual([]);
      expect(app.logger.matching(/Jane|much/)).toEqual([]);
    });

    it('keeps the rawBody of data that does not fit, byte for byte', async () => {
      const app = await host.start((a) =>
        a
          .on(platform)
          .withRawBody()
          .withOptions({ platforms: { 1: BankAccount } }),
      );
      const text = JSON.stringify(payload({ extractedData: { accountHolder: 1 } }), null, 2);
      await app.post(text);
      expect(await rejected(app)).toMatchObject({ rawBody: text });
    });

    it('lets a rejection be accepted only once its data fits', async () => {
      const strict = await start();
      const body = payload({ extractedData: { accountNumber: '7' } });
      await strict.post(body);
      const { id } = await rejected(strict);
      expect(await strict.inbox.rejections.accept(id)).toBe('unexpected-data');
      expect(await rejected(strict)).toMatchObject({ id, state: 'open' });
      await host.stop(strict);

      const lenient = await start({ 1: LenientAccount });
      expect(await lenient.inbox.rejections.accept(id)).toBe('accepted');
      expect(await lenient.delivery(body.sessionId, 'completed')).toMatchObject({ rawBody: JSON.stringify(body) });
      expect(lenient.nest.get(Remember).data).toMatchObject([{ accountNumber: '7' }]);
      expect(lenient.nest.get(Remember).data[0]).toBeInstanceOf(LenientAccount);
      expect(await lenient.inbox.rejections.accept(id)).toBe('already-accepted');
    });

    it('that throws answers 200 and stores a rejection without the message of the error', async () => {
      const app = await start({ 1: Moody });
      Moody.mood = 'throws';
      const body = payload({ extractedData: { accountHolder: 'Jane Roe' } });
      expect(await app.post(body)).toMatchObject({ status: 200, body: '{"received":true}' });
      const { id, detail } = await rejected(app);
      expect(detail).toBe('{"extractedData":["could not be checked: TypeError"]}');
      expect(app.logger.matching(/Jane/)).toEqual([]);
      Moody.mood = 'fits';
      expect(await app.inbox.rejections.accept(id)).toBe('accepted');
      await app.delivery(body.sessionId, 'completed');
    });

    it.each([
      ['throws', 'TypeError'],
      ['throws what cannot say its name', 'an error without a name'],
    ] as const)('that %s only after a delivery is recorded loses nothing', async (mood, name) => {
      const app = await host.start((a) =>
        a
          .on(platform)
          .withHandlers(Remember)
          .withOptions({ platforms: { 1: Moody }, processing: { enabled: false } }),
      );
      Moody.mood = 'fits';
      const body = payload({ extractedData: { accountHolder: 'Jane Roe' } });
      await app.post(body);
      await app.delivery(body.sessionId, 'pending');
      await host.stop(app);
      Moody.mood = mood;
      const worker = await start({ 1: Moody });
      const { id } = await worker.delivery(body.sessionId, 'pending');
      await until(
        'the worker has tried',
        () => worker.logger.matching(new RegExp(`Could not dispatch delivery .*, will retry in 60000 ms: ${name}`))[0],
      );
      Moody.mood = 'fits';
      await worker.delivery(body.sessionId, 'pending');
      expect(await worker.inbox.replay(id)).toBe('replayed');
      await worker.delivery(body.sessionId, 'completed');
      expect(worker.nest.get(Remember).data).toEqual([{ accountHolder: 'Jane Roe' }]);
    });

    it('keeps personal data out of the stored error of a run', async () => {
      const app = await host.start((a) =>
        a
          .on(platform)
          .withHandlers(FailWithData)
          .withOptions({ platforms: { 1: BankAccount }, processing: { retry: { attempts: 1 } } }),
      );
      const body = payload({ extractedData: bank });
      await app.post(body);
      const { runs } = await app.delivery(body.sessionId, 'dead');
      expect(runs[0]?.lastError).toBe('Error: The ledger refuses [redacted], opened [redacted].');
      expect(app.logger.matching(/Jane|2020/)).toEqual([]);
    });
  },
);

describe('classes from an async factory', () => {
  const host = freshHost('sqlite');

  it('are used as in forRoot', async () => {
    const app = await host.start((a) =>
      a.withHandlers(Remember).withModule(
        Cr3dentialsWebhookModule.forRootAsync({
          useFactory: async () => ({ auth: { secrets: [SECRET] }, platforms: { 1: BankAccount } }),
        }),
      ),
    );
    const body = payload({ extractedData: bank });
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
    expect(app.nest.get(Remember).data[0]).toBeInstanceOf(BankAccount);
    await app.post(payload({ extractedData: {} }));
    expect(await app.rejections()).toMatchObject([{ reason: 'unexpected-data' }]);
  });
});
