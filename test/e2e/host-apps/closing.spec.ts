import { describe, expect, it } from '@jest/globals';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms } from '../../support/app/webhook-app.js';

describe.each(platforms)('a host on %s that closes its app while it is being closed', (platform) => {
  const host = freshHost('sqlite');

  it('closes the inbox once, and says nothing of it', async () => {
    const app = await host.start((a) => a.on(platform).withHandlers(RememberEvents));
    const { sessionId } = payload();
    await app.post(payload({ sessionId }));
    await app.delivery(sessionId, 'completed');
    await Promise.all([app.nest.close(), app.nest.close()]);
    await app.nest.close();
    expect(app.logger.matching(/^(WARN|ERROR) (?!Shutdown hooks are off)/)).toEqual([]);
  });
});
