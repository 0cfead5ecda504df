import { describe, expect, it } from '@jest/globals';
import { RememberEvents } from '../../support/app/doubles.js';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

/** The sample of the provider's documentation, as its portal may send it at different times. */
const sampleAt = (completedAt: string) =>
  payload({ sessionId: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890', completedAt, metadata: { sentAt: completedAt } });

const times = ['2025-03-24T12:05:00.000Z', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00.5Z', '2026-01-03'];

describe.each(databases)("the portal's Test, on %s", (kind) => {
  const host = freshHost(kind);

  it('is handled once and kept as no rejection, however often it is sent with new times', async () => {
    const app = await host.start((a) => a.withHandlers(RememberEvents));
    for (const time of [...times, ...times]) expect(await app.post(sampleAt(time))).toMatchObject({ status: 200 });
    const { sessionId } = sampleAt('');
    expect(await app.delivery(sessionId, 'completed')).toMatchObject({ duplicates: 7 });
    expect(app.nest.get(RememberEvents).events.map(({ completedAt }) => completedAt?.toISOString())).toEqual([
      times[0],
    ]);
    expect(await app.rejections()).toEqual([]);
    expect(app.logger.matching(/rejections/)).toEqual([]);
  });

  it('is a conflict when it says something else, as it is for every other session with another time', async () => {
    const app = await host.start((a) => a.withHandlers(RememberEvents));
    const body = payload();
    const posts = [
      ...times.map(sampleAt),
      { ...sampleAt('2026-01-04'), status: 'ERROR' },
      body,
      { ...body, completedAt: '2026-01-05' },
    ];
    for (const one of posts) expect(await app.post(one)).toMatchObject({ status: 200 });
    const conflicts = await app.rejections({ reason: 'conflict' });
    expect(conflicts.map(({ sessionId }) => sessionId).toSorted()).toEqual(
      [sampleAt('').sessionId, body.sessionId].map(String).toSorted(),
    );
  });
});
