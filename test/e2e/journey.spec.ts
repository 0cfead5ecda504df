import { describe, expect, it } from '@jest/globals';
import { sharedHost } from '../support/app/fresh-host.js';
import { RememberEvents } from '../support/app/doubles.js';
import { databases } from '../support/database/databases.js';
import { until } from '../support/time/until.js';
import { payload } from '../support/app/payload.js';
import { platforms } from '../support/app/webhook-app.js';

describe.each(databases.flatMap((kind) => platforms.map((platform) => [kind, platform] as const)))(
  'a host on %s and %s',
  (kind, platform) => {
    const host = sharedHost(kind, (a) => a.on(platform).withHandlers(RememberEvents));

    it('turns a delivery into one typed event', async () => {
      const body = payload();
      const answers = await Promise.all([1, 2, 3].map(() => host.app.post(body)));
      expect(answers.map((answer) => [answer.status, answer.body])).toEqual(
        [1, 2, 3].map(() => [200, '{"received":true}']),
      );
      const { id } = await host.app.delivery(body.sessionId, 'completed');
      await until('its duplicates are counted', async () => (await host.app.inbox.find(id))?.duplicates === 2);
      expect(host.app.nest.get(RememberEvents).of(body.sessionId)).toHaveLength(1);
    });
  },
);
