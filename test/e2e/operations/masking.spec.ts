import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  OnVerification,
  PermanentError,
  VerificationPayload,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { inspect } from 'node:util';
import { AGENT, HOLDER } from '../../support/app/canaries.js';
import { freshHost, RECEIVE_ONLY } from '../../support/app/fresh-host.js';
import { inPlainText } from '../../support/app/keys.js';
import { payload } from '../../support/app/payload.js';
import { databases } from '../../support/database/databases.js';

const REFERENCE = 'reference-of-a-person-8841';
/** What the provider has sent about a person. */
const PERSON = [HOLDER, AGENT, REFERENCE, 'checking', 'an-unknown-status'];

/** As a logger does that looks into everything. */
function printed(value: unknown): string {
  return inspect(value, { depth: null, showHidden: false });
}

@Injectable()
class QuoteTheSession {
  static event: VerificationEvent | undefined;

  @OnVerification({ id: 'quote' })
  quote(event: VerificationEvent): never {
    QuoteTheSession.event = event;
    throw new PermanentError(`Session ${event.sessionId} of ${event.externalReferenceId} is closed.`);
  }
}

describe.each(databases)('what the module gives out, on %s', (kind) => {
  const host = freshHost(kind);

  it('prints ids only, and has everything in its fields and in JSON', async () => {
    const app = await host.start((a) => a.withHandlers(QuoteTheSession));
    const body = payload({ externalReferenceId: REFERENCE });
    await app.post(body);
    const { id } = await app.delivery(body.sessionId, 'dead');
    await app.post({ ...body, status: 'an-unknown-status' });
    const [summary] = await app.inbox.list();
    const details = await app.inbox.find(id);
    const [rejection] = await app.inbox.rejections.list();
    const rejected = await app.inbox.rejections.find(String(rejection?.id));
    const given = {
      summary,
      details,
      runs: details?.runs,
      rejection,
      rejected,
      event: QuoteTheSession.event,
      payload: Object.assign(new VerificationPayload(), body),
      erasure: await app.inbox.erase({ externalReferenceId: REFERENCE }, { dryRun: true }),
    };
    for (const word of PERSON) expect(printed(given)).not.toContain(word);
    for (const one of [id, String(rejection?.id), String(body.sessionId)]) expect(printed(given)).toContain(one);
    expect(printed(summary)).toMatch(/^Delivery \{ *\n? *id: '[\da-f-]{36}',[^]*state: 'dead'/);
    expect(printed(rejected)).toMatch(/^Rejection \{/);
    expect(details?.rawBody).toContain(HOLDER); // the controls: it is there
    expect(JSON.stringify(details)).toContain(HOLDER);
    expect(JSON.stringify(rejected)).toContain(HOLDER);
    expect(printed({ ...details })).toContain(HOLDER);
    expect(JSON.stringify([summary, rejection])).not.toContain(HOLDER);
  });

  it('has no session in the error of a handler that quotes it', async () => {
    const app = await host.start((a) => a.withHandlers(QuoteTheSession));
    const body = payload({ externalReferenceId: REFERENCE });
    await app.post(body);
    const { runs } = await app.delivery(body.sessionId, 'dead');
    expect(runs[0]?.lastError).toBe('PermanentError: Session [redacted] of [redacted] is closed.');
    expect(app.logger.matching(new RegExp(String(body.sessionId)))).toEqual([]);
  });

  it('has no contents in an error of the database', async () => {
    const app = await host.start((a) => inPlainText(a).withOptions(RECEIVE_ONLY));
    const body = payload({ externalReferenceId: REFERENCE, status: 'NEW', extractedData: { accountHolder: HOLDER } });
    await app.post(body);
    const [rejection] = await app.inbox.rejections.list();
    const beside = await host.database.connect();
    const status = JSON.stringify({ ...body, status: 'COMPLETED' });
    await beside.query(`UPDATE cr3dentials_webhook_rejection SET raw_body = '${status}'`);
    await beside.query('ALTER TABLE cr3dentials_webhook_delivery RENAME TO elsewhere');
    const error = await app.inbox.rejections.accept(String(rejection?.id)).catch((thrown: unknown) => thrown);
    await beside.query('ALTER TABLE elsewhere RENAME TO cr3dentials_webhook_delivery');
    expect(error).toMatchObject({ name: 'QueryFailedError' });
    const { stack } = error as Error;
    for (const text of [printed(error), inspect(error, { showHidden: true }), JSON.stringify(error), String(stack)])
      for (const word of [HOLDER, REFERENCE, AGENT]) expect(text).not.toContain(word);
    expect(await app.inbox.rejections.accept(String(rejection?.id))).toBe('accepted'); // the control: it was that statement
  });
});
