import { describe, expect, it } from '@jest/globals';
import type { DatabaseConnection } from '../../../src/database/database.connection.js';
import { raw } from '../../../src/database/sql.js';
import type { Tables } from '../../../src/inbox/tables.js';
import { UnrecordedSessionRepository } from '../../../src/inbox/unrecorded-session.repository.js';

const MAX = 10_000;

describe('sessions that could not be recorded', () => {
  it('are the last ten thousand', async () => {
    const emptyInbox = {
      dialect: { isOneOf: () => raw('1 = 0') },
      execute: async () => ({ records: [], affected: 0 }),
    };
    const sessions = new UnrecordedSessionRepository(
      emptyInbox as unknown as DatabaseConnection,
      { delivery: raw('delivery') } as Tables,
      { now: () => 7 },
    );
    for (let n = 0; n < MAX + 1; n++) sessions.add(`session ${n}`, '');
    sessions.add('session 1', '');
    const list = await sessions.list();
    expect(list).toHaveLength(MAX);
    expect(list.map(({ sessionId }) => sessionId)).not.toContain('session 0');
    expect(list.at(-1)).toEqual({ sessionId: 'session 1', tenant: '', times: 2, lastAt: 7 });
  });
});
