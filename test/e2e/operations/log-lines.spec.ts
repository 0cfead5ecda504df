import { beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { IsString } from 'class-validator';
import { OnVerification, PermanentError, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { DataSource } from 'typeorm';
import { sharedHost } from '../../support/app/fresh-host.js';
import { AGENT, HOLDER } from '../../support/app/canaries.js';
import { databases } from '../../support/database/databases.js';
import { until } from '../../support/time/until.js';
import { payload } from '../../support/app/payload.js';

/** What would begin a line of its own, or make a terminal do something. */
const BREAKERS: readonly (readonly [name: string, text: string])[] = [
  ['a line feed', '\n'],
  ['a carriage return', '\r'],
  ['both', '\r\n'],
  ['a line of a log', '\n[Nest] 1  - ERROR [Cr3dentialsWebhook] forged\n'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['next line', '\u0085'],
  ['vertical tab and form feed', '\v\f'],
  ['terminal colours', '\u001B[31mred\u001B[0m'],
  ['a cleared screen', '\u001B[2J\u001B[H'],
  ['a terminal title', '\u001B]0;title\u0007'],
  ['an eight-bit control sequence', '\u009B31m'],
  ['backspaces', '\b\b\b'],
  ['delete', '\u007F'],
];
const REASONS = ['invalid', 'unknown-status', 'unexpected-data'];
const BREAKS_A_LINE = /[\p{Cc}\u2028\u2029]/u;

@Injectable()
class Quoting {
  /** Tells the errors apart: those that differ in nothing but what is redacted have one line. */
  static about = '';

  @OnVerification({ id: 'quoting' })
  quote({ sessionId, externalReferenceId, extractedData, metadata }: VerificationEvent): void {
    const name = `Refused ${Quoting.about} ${sessionId}`;
    const message = `${externalReferenceId}: ${JSON.stringify(extractedData)} ${JSON.stringify(metadata)}${sessionId}`;
    throw Object.assign(new PermanentError(message), { name });
  }
}

class Account {
  @IsString()
  accountHolder!: string;
}

describe.each(databases)('the log and the columns, on %s', (kind) => {
  const host = sharedHost(kind, (a) => a.withHandlers(Quoting).withOptions({ platforms: { 7: Account } }));
  let beside: DataSource;

  beforeAll(async () => {
    beside = await host.database.connect();
  });

  it.each(BREAKERS)('have one line for a handler error that quotes %s, and no personal data', async (name, breaker) => {
    Quoting.about = name;
    const before = host.app.logger.lines.length;
    const body = payload({
      sessionId: `${name}${breaker}session`,
      externalReferenceId: `${breaker}reference${breaker}`,
      extractedData: { accountHolder: HOLDER, [breaker]: breaker, nested: [[{ holder: HOLDER }]] },
    });
    expect((await host.app.post(body)).status).toBe(200);
    const { id } = await host.app.delivery(body.sessionId, 'dead');
    const [line = '', ...more] = host.app.logger.lines.slice(before);
    expect(more).toEqual([]);
    expect(line).toContain(`Handler "quoting" of delivery ${id}`);
    expect(line).toContain('[redacted]');
    const [run] = await beside.query<{ last_error: string }[]>(
      `SELECT last_error FROM cr3dentials_webhook_handler_run WHERE delivery_id = '${id}'`,
    );
    for (const text of [line, run?.last_error ?? '']) {
      expect(text).not.toMatch(BREAKS_A_LINE);
      expect([HOLDER, AGENT, 'reference'].filter((word) => text.includes(word))).toEqual([]);
    }
  });

  it.each(BREAKERS)('have one line for a rejection with %s in every field', async (name, breaker) => {
    const before = host.app.logger.lines.length;
    const odd = `${name}${breaker}`;
    const posts = [
      payload({ sessionId: odd, status: odd }),
      payload({ platformId: 7, sessionId: `${odd}7`, extractedData: { accountHolder: [odd], [odd]: HOLDER } }),
      payload({ sessionId: `${odd}8`, platformId: odd, externalReferenceId: [odd], proofHash: {}, completedAt: odd }),
      payload({ sessionId: [odd], [odd]: odd }),
    ];
    const statuses = await Promise.all(posts.map(async (post) => (await host.app.post(post)).status));
    expect(statuses).toEqual([200, 200, 400, 400]);
    const lines = await until('each reason is told', () => {
      const since = host.app.logger.lines.slice(before);
      return REASONS.every((reason) => since.some((line) => line.includes(`(${reason})`))) ? since : undefined;
    });
    expect(lines.filter((line) => BREAKS_A_LINE.test(line) || !/kept as rejections/.test(line))).toEqual([]);
    const kept = await beside.query<{ detail: string }[]>('SELECT detail FROM cr3dentials_webhook_rejection');
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.filter(({ detail }) => BREAKS_A_LINE.test(detail))).toEqual([]);
  });
});
