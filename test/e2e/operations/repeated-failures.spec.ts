import { describe, expect, it } from '@jest/globals';
import { OnVerification, PermanentError, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

const COUNT = 60;

class Ledger {
  @OnVerification({ id: 'ledger.book' })
  book({ sessionId }: VerificationEvent): void {
    throw new PermanentError(`The ledger is closed for "${sessionId}".`);
  }

  @OnVerification({ id: 'ledger.note' })
  note(): void {
    throw new Error('The disk is full.');
  }
}

describe('one cause that fails many deliveries', () => {
  const host = freshHost('sqlite');

  it('has a line at once, and one for all that followed', async () => {
    const app = await host.start((builder) =>
      builder.withHandlers(Ledger).withOptions({ processing: { retry: { attempts: 2, initialDelay: 1 } } }),
    );
    await Promise.all(Array.from({ length: COUNT }, () => app.post(payload())));
    await until('all are dead', async () => (await app.inbox.stats()).dead === COUNT);
    const failures = () => app.logger.matching(/Handler "ledger/);
    expect(failures()).toEqual([
      expect.stringMatching(/^ERROR Handler "ledger.book" of delivery .* failed and will not be retried/),
      expect.stringMatching(/^WARN Handler "ledger.note" of delivery .* \(attempt 1 of 2\) failed, next attempt in/),
      expect.stringMatching(/^ERROR Handler "ledger.note" of delivery .* \(attempt 2 of 2\) failed and will not/),
    ]);
    await host.stop(app);
    expect(failures().slice(3).toSorted()).toEqual([
      expect.stringMatching(/^ERROR Handler "ledger.book" failed 59 times more .* will not be retried.* The ledger is/),
      expect.stringMatching(/^ERROR Handler "ledger.note" failed 59 times more .* will not be retried.* The disk is/),
      expect.stringMatching(/^WARN Handler "ledger.note" failed 59 times more .* will be retried, .* The disk is full/),
    ]);
  });
});
