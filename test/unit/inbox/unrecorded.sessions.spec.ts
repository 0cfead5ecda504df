import { describe, expect, it } from '@jest/globals';
import type { DeliveryLookupQueries } from '../../../src/inbox/delivery-lookup.queries.js';
import { UnrecordedSessions } from '../../../src/inbox/unrecorded.sessions.js';

const MAX = 10_000;

describe('sessions that could not be recorded', () => {
  it('are the last ten thousand', async () => {
    const emptyInbox: Pick<DeliveryLookupQueries, 'recordedAmong'> = { recordedAmong: () => Promise.resolve([]) };
    const sessions = new UnrecordedSessions(emptyInbox as DeliveryLookupQueries, { now: () => 7 });
    for (let n = 0; n < MAX + 1; n++) sessions.add(`session ${n}`, '');
    sessions.add('session 1', '');
    const list = await sessions.list();
    expect(list).toHaveLength(MAX);
    expect(list.map(({ sessionId }) => sessionId)).not.toContain('session 0');
    expect(list.at(-1)).toEqual({ sessionId: 'session 1', tenant: '', times: 2, lastAt: 7 });
  });
});
