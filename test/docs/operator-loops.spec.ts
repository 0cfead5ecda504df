import { describe, expect, it } from '@jest/globals';
import { IsIBAN } from 'class-validator';
import {
  OnVerification,
  PermanentError,
  type Cr3dentialsWebhookInbox,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import ts from 'typescript';
import { blocks } from '../support/sources/documents.js';
import { inPlainText } from '../support/app/keys.js';
import { freshHost } from '../support/app/fresh-host.js';
import { payload } from '../support/app/payload.js';
import { until } from '../support/time/until.js';

/** More than two pages of `list()`. */
const COUNT = 120;

/** Runs a block of docs/operations.md as it stands there. Returns the results that it printed. */
async function runBlock(name: string, inbox: Cr3dentialsWebhookInbox): Promise<unknown[]> {
  const code = blocks().find(({ document, says }) => document === 'docs/operations.md' && says.run === name)?.code;
  const { outputText } = ts.transpileModule(`async (inbox, console) => {\n${code}\n};`, {
    compilerOptions: { target: ts.ScriptTarget.ES2023 },
  });
  const results: unknown[] = [];
  // oxlint-disable-next-line no-eval -- it is code of our own documents
  const loop = (0, eval)(outputText) as (inbox: Cr3dentialsWebhookInbox, console: object) => Promise<void>;
  await loop(inbox, { log: (...values: unknown[]) => results.push(values.at(-1)) });
  return results;
}

class FailUntilReplayed {
  @OnVerification({ id: 'ledger.book' })
  book(_: VerificationEvent, { isReplay }: HandlerContext): void {
    if (!isReplay) throw new PermanentError('The ledger is closed.');
  }
}

class SwissAccount {
  @IsIBAN()
  iban!: string;
}

describe('the calls of docs/operations.md', () => {
  const host = freshHost('sqlite');

  it('replay every dead letter, and not only the first page', async () => {
    const app = await host.start((builder) => builder.withHandlers(FailUntilReplayed));
    await Promise.all(Array.from({ length: COUNT }, () => app.post(payload())));
    await until('all are dead', async () => (await app.inbox.stats()).dead === COUNT);
    const results = await runBlock('replay', app.inbox);
    expect(results).toEqual([
      { matched: COUNT, replayed: COUNT, busy: 0, completed: 0, purged: 0, erased: 0, unknown: 0 },
    ]);
    await until('all are completed', async () => (await app.inbox.stats()).completed === COUNT);
  });

  it('replay some, with the progress', async () => {
    const app = await host.start((builder) => inPlainText(builder.withHandlers(FailUntilReplayed)));
    await Promise.all(Array.from({ length: COUNT }, () => app.post(payload())));
    await until('all are dead', async () => (await app.inbox.stats()).dead === COUNT);
    const [progress, result] = await runBlock('replay-some', app.inbox);
    expect(progress).toBe('100 so far');
    expect(result).toMatchObject({ matched: COUNT, replayed: COUNT });
  });

  it('accept every rejection, and not only the first page', async () => {
    const strict = await host.start((builder) => builder.withOptions({ platforms: { 1: SwissAccount } }));
    await Promise.all(Array.from({ length: COUNT }, () => strict.post(payload({ platformId: 1 }))));
    expect((await strict.inbox.stats()).openRejections).toBe(COUNT);
    await host.stop(strict);
    const app = await host.start();
    expect(await runBlock('accept', app.inbox)).toEqual(Array.from({ length: COUNT }, () => 'accepted'));
    expect((await app.inbox.stats()).openRejections).toBe(0);
  });
});
