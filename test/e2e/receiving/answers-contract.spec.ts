import { describe, expect, it } from '@jest/globals';
import { sharedHost } from '../../support/app/fresh-host.js';
import { RememberEvents } from '../../support/app/doubles.js';
import { anyDatabase } from '../../support/database/databases.js';
import { payload } from '../../support/app/payload.js';
import { said } from '../../support/http/raw-post.js';
import { until } from '../../support/time/until.js';
import { platforms } from '../../support/app/webhook-app.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const ACKNOWLEDGED = { status: 200, body: '{"received":true}', type: JSON_TYPE };
/** Stands in every body, and may stand nowhere else. */
const PERSON = 'Marie Sklodowska 4711';

const NOT_STORABLE = (field: string) => [`${field} must be well-formed text without U+0000`];
const TOO_LONG = (field: string) => [`${field} must be shorter than or equal to 512 characters`];
const NOT_TEXT = (field: string) => [`${field} must be a string`];
const NOT_OBJECT = (field: string) => [`${field} must be an object`];
const NOT_INSTANT = { completedAt: ['completedAt must be an ISO 8601 date and time'] };
const NOT_NUMBER = { platformId: ['platformId must be a number conforming to the specified constraints'] };

const matrix = anyDatabase.flatMap((kind) => platforms.map((platform) => [kind, platform] as const));

describe.each(matrix)('an invalid payload, on %s and %s', (kind, platform) => {
  const host = sharedHost(kind, (a) => a.on(platform).withHandlers(RememberEvents));

  describe('with a valid sessionId', () => {
    it.each<[string, Record<string, unknown>, Record<string, string[]>]>([
      ['no status', { status: undefined }, { status: NOT_TEXT('status') }],
      ['an empty status', { status: '' }, { status: ['status should not be empty'] }],
      ['a status in a list', { status: ['COMPLETED', PERSON] }, { status: NOT_TEXT('status') }],
      ['no platformId', { platformId: undefined }, NOT_NUMBER],
      ['a platformId in quotes', { platformId: '1' }, NOT_NUMBER],
      ['a reference that is a number', { externalReferenceId: 4711 }, reference(NOT_TEXT)],
      ['a reference with U+0000', { externalReferenceId: `${PERSON}\0` }, reference(NOT_STORABLE)],
      ['a reference with half a character', { externalReferenceId: `${PERSON}\ud83d` }, reference(NOT_STORABLE)],
      ['a reference that is too long', { externalReferenceId: PERSON.repeat(25) }, reference(TOO_LONG)],
      ['data in a list', { extractedData: [PERSON] }, { extractedData: NOT_OBJECT('extractedData') }],
      [
        'data as text',
        { extractedData: `{"accountHolder":"${PERSON}"}` },
        { extractedData: NOT_OBJECT('extractedData') },
      ],
      ['a proof that is an object', { proofHash: { of: PERSON } }, { proofHash: NOT_TEXT('proofHash') }],
      ['a completion that is a number', { completedAt: 1742817900000 }, NOT_INSTANT],
      ['a completion nobody can read', { completedAt: PERSON }, NOT_INSTANT],
      ['a completion on no day', { completedAt: '2025-02-30T12:00:00Z' }, NOT_INSTANT],
      ['metadata as text', { metadata: PERSON }, { metadata: NOT_OBJECT('metadata') }],
      ['several faults', { platformId: true, metadata: [] }, { ...NOT_NUMBER, metadata: NOT_OBJECT('metadata') }],
    ])('is answered 400 and stored as a rejection: %s', async (_, faults, violations) => {
      const body = payload({ holder: PERSON, ...faults });
      expect(said(await host.app.post(body))).toEqual(refused(violations));
      expect(await rejectionsOf(body)).toMatchObject([{ ...kept(violations), sessionId: body.sessionId }]);
      expect(await host.app.inbox.find({ sessionId: String(body.sessionId) })).toBeNull();
    });
  });

  it('is answered 400 and stored as a rejection: a platformId past every number', async () => {
    const text = JSON.stringify(payload({ holder: PERSON })).replace('"platformId":1', '"platformId":1e999');
    expect(said(await host.app.post(text))).toEqual(refused(NOT_NUMBER));
    expect(await rejectionsOf({ ...JSON.parse(text), platformId: null })).toMatchObject([kept(NOT_NUMBER)]);
  });

  describe('without a valid sessionId', () => {
    it.each<[string, unknown, string[]]>([
      ['none', undefined, NOT_TEXT('sessionId')],
      ['null', null, NOT_TEXT('sessionId')],
      ['an empty one', '', ['sessionId should not be empty']],
      ['a number', 4711, NOT_TEXT('sessionId')],
      ['a list', ['session'], NOT_TEXT('sessionId')],
      ['one that is too long', 's'.repeat(513), TOO_LONG('sessionId')],
      ['one that is too long in characters of two units', '😀'.repeat(513), TOO_LONG('sessionId')],
      // Each takes two places in a column; a length that counts what is seen says one.
      ['one that is too long in variation selectors', '\u2764\uFE0F'.repeat(512), TOO_LONG('sessionId')],
      ['one with U+0000', 'ses\0sion', NOT_STORABLE('sessionId')],
      ['one with the first half of a character', 'session\ud83d', NOT_STORABLE('sessionId')],
      ['one with the second half of a character', '\ude00session', NOT_STORABLE('sessionId')],
    ])('is answered 400 and stored as a rejection: %s', async (_, sessionId, violations) => {
      const body = payload({ holder: PERSON, sessionId });
      expect(said(await host.app.post(body))).toEqual(refused({ sessionId: violations }));
      expect(await rejectionsOf(body)).toMatchObject([{ ...kept({ sessionId: violations }), sessionId: null }]);
    });

    it('is answered 400 and stored as a rejection: an object of something else', async () => {
      const body = { name: PERSON };
      const answer = await host.app.post(body);
      expect(JSON.parse(answer.body)).toMatchObject({
        statusCode: 400,
        violations: { sessionId: NOT_TEXT('sessionId'), status: NOT_TEXT('status'), ...NOT_NUMBER },
      });
      expect(answer.body).not.toContain(PERSON);
      expect(await rejectionsOf(body)).toMatchObject([{ reason: 'invalid', sessionId: null }]);
    });
  });

  it('is counted when it is repeated, and stored once', async () => {
    const body = payload({ platformId: PERSON });
    const answers = await Promise.all(Array.from({ length: 5 }, () => host.app.post(body)));
    expect(answers.map(said)).toEqual(answers.map(() => refused(NOT_NUMBER)));
    expect(said(await host.app.post(body))).toEqual(refused(NOT_NUMBER));
    expect(await rejectionsOf(body)).toMatchObject([{ repeats: 5 }]);
  });

  it('is warned of without anything of its content, and reaches no handler', async () => {
    const body = payload({ externalReferenceId: PERSON, platformId: PERSON });
    const warnings = () => host.app.logger.matching(/^WARN .*rejections \(invalid\)/).length;
    const before = warnings();
    await host.app.post(body);
    await until('it is warned of', () => warnings() > before); // once a second
    expect(
      host.app.logger.lines.filter((line) => line.includes(PERSON) || line.includes(String(body.sessionId))),
    ).toEqual([]);
    expect(host.app.nest.get(RememberEvents).of(body.sessionId)).toEqual([]);
  });

  describe('compared with a valid one', () => {
    it.each<[string, Record<string, unknown>]>([
      ['a sessionId of 512 characters', { sessionId: 's'.repeat(512) }],
      ['a sessionId of 512 characters of two units', { sessionId: '😀'.repeat(512) }],
      ['a sessionId of quotes and backslashes', { sessionId: String.raw`'; DROP TABLE "x"; -- \' %s $1 ?` }],
      ['a reference of 512 characters', { externalReferenceId: 'é'.repeat(512) }],
      ['an empty reference', { externalReferenceId: '' }],
      ['the largest platformId', { platformId: Number.MAX_VALUE }],
      ['the smallest platformId', { platformId: Number.MIN_VALUE }],
      ['a platformId below nothing', { platformId: -0.1 }],
      ['a completion without a zone', { completedAt: '2025-03-24T12:05:00' }],
      ['a completion in another zone', { completedAt: '2025-03-24T12:05:00.123456+05:30' }],
      ['an empty object of data', { extractedData: {} }],
      ['half a character in the data', { extractedData: { name: '\ud83d', '\ude00': '\0' } }],
    ])('is not one with %s, which is accepted', async (_, difference) => {
      const body = payload(difference);
      expect(said(await host.app.post(body))).toEqual(ACKNOWLEDGED);
      const { platformId, externalReferenceId, rawBody: text } = await host.app.delivery(body.sessionId, 'completed');
      expect({ platformId, externalReferenceId }).toEqual({
        platformId: body.platformId,
        externalReferenceId: body.externalReferenceId,
      });
      expect(text).toBe(JSON.stringify(body));
    });
  });

  async function rejectionsOf(body: unknown) {
    const rejections = await host.app.rejections({ reason: 'invalid', limit: 1_000 });
    return rejections.filter((rejection) => rejection.rawBody === JSON.stringify(body));
  }
});

function reference(fault: (field: string) => string[]): Record<string, string[]> {
  return { externalReferenceId: fault('externalReferenceId') };
}

/** To the byte: nothing of what was sent has a place in it. */
function refused(violations: Record<string, string[]>) {
  const message = 'The payload is against the contract.';
  const body = JSON.stringify({ statusCode: 400, error: 'Bad Request', message, violations });
  return { status: 400, body, type: JSON_TYPE };
}

function kept(violations: Record<string, string[]>) {
  return { reason: 'invalid', detail: JSON.stringify(violations), state: 'open', repeats: 0 };
}
