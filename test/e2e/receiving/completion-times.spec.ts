import { describe, expect, it } from '@jest/globals';
import { RememberEvents } from '../../support/app/doubles.js';
import { sharedHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';

describe('the completion time of a delivery', () => {
  const host = sharedHost('sqlite', (a) => a.withHandlers(RememberEvents));

  it.each([
    ['the basic form', '20250324T120500Z', '2025-03-24T12:05:00.000Z'],
    ['a comma', '2025-03-24T12:05:00,5Z', '2025-03-24T12:05:00.500Z'],
    ['midnight at the end of the day', '2025-03-24T24:00:00Z', '2025-03-25T00:00:00.000Z'],
    ['a leap second', '2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['a day of a week', '2025-W13-1T12:05Z', '2025-03-24T12:05:00.000Z'],
    ['a day of a year', '2025-083', '2025-03-24T00:00:00.000Z'],
  ])('reaches handlers as a Date: %s', async (_, completedAt, instant) => {
    const body = payload({ completedAt });
    expect(await host.app.post(body)).toMatchObject({ status: 200 });
    await host.app.delivery(body.sessionId, 'completed');
    const [event] = host.app.nest.get(RememberEvents).of(body.sessionId);
    expect(event?.completedAt?.toISOString()).toBe(instant);
  });

  it.each(['', 'yesterday', '2025-02-30'])('is refused and kept where it is none: "%s"', async (completedAt) => {
    const body = payload({ completedAt });
    expect(await host.app.post(body)).toMatchObject({ status: 400 });
    const kept = (await host.app.rejections({ reason: 'invalid' })).find(
      ({ sessionId }) => sessionId === body.sessionId,
    );
    expect(JSON.parse(String(kept?.rawBody))).toEqual(body);
  });
});
