import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AuthOptions, SharedSecret } from 'nestjs-cr3dentials-webhook';
import { databases } from '../../support/database/databases.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { MovingClock } from '../../support/time/moving-clock.js';
import { payload } from '../../support/app/payload.js';
import { SenderUnderWay } from '../../support/http/sender-under-way.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

const OLD = 'canary-of-the-year-that-ends-4711';
const NEW = 'canary-of-the-year-that-begins-4712';
const MINUTE = 60_000;
const ACK_TIMEOUT = 10_000;

/** Both platforms where it is cheap, and every database. */
const hosts = databases.map((kind) => [kind, kind === 'sqlite' ? 'express' : 'fastify'] as const);

describe.each([...hosts, ['sqlite', 'fastify'] as const])(
  'a secret that is rotated while posts arrive, on %s and %s',
  (kind, platform) => {
    const host = freshHost(kind);
    let sender: SenderUnderWay;

    const start = (auth: AuthOptions, clock = new MovingClock()): Promise<WebhookApp> =>
      host.start((builder) => builder.on(platform).withClock(clock).withOptions({ auth }));

    beforeEach(() => {
      sender = new SenderUnderWay(OLD);
    });

    afterEach(() => sender.stop());

    /** As docs/security.md has it: every post was answered 200, and is stored. */
    async function expectNothingRefused(app: WebhookApp): Promise<void> {
      await sender.stop();
      expect(sender.refusals).toEqual([]);
      expect(sender.accepted.length).toBeGreaterThan(100);
      const { pending, processing, unhandled } = await app.inbox.stats();
      expect(pending + processing + unhandled).toBe(sender.accepted.length);
    }

    it('is replaced instance by instance without a refused post', async () => {
      const first = await start({ secrets: [OLD] });
      sender.begin(first);
      await sender.hasSent(50);
      const both = await start({ secrets: [NEW, OLD] });
      await sender.turnTo(both);
      await host.stop(first);
      await sender.hasSent(50);
      await sender.use(NEW);
      await sender.hasSent(50);
      const last = await start({ secrets: [NEW] });
      await sender.turnTo(last);
      await host.stop(both);
      await sender.hasSent(50);
      await expectNothingRefused(last);
      expect((await last.post(payload(), { headers: { 'x-api-key': OLD } })).status).toBe(401);
    });

    it('expires once the new secret is in use without a refused post', async () => {
      const clock = new MovingClock();
      const notAfter = new Date(clock.now() + MINUTE);
      const app = await start(
        {
          secrets: [
            { id: 'old', value: OLD, notAfter },
            { id: 'new', value: NEW },
          ],
        },
        clock,
      );
      sender.begin(app);
      await sender.hasSent(50);
      await sender.use(NEW);
      for (let passed = 0; passed <= MINUTE; passed += ACK_TIMEOUT / 2) {
        clock.advance(ACK_TIMEOUT / 2); // in one step, who waits at that moment would have waited for too long
        await sender.hasSent(16);
      }
      await expectNothingRefused(app);
      expect((await app.post(payload(), { headers: { 'x-api-key': OLD } })).status).toBe(401);
    });

    it('is replaced in the resolver without a refused post', async () => {
      let secrets: SharedSecret[] = [OLD];
      const app = await start({ resolveSecrets: () => Promise.resolve({ secrets }) });
      sender.begin(app);
      await sender.hasSent(50);
      secrets = [OLD, NEW];
      await sender.use(NEW);
      await sender.hasSent(50);
      secrets = [NEW];
      await sender.hasSent(50);
      await expectNothingRefused(app);
      expect((await app.post(payload(), { headers: { 'x-api-key': OLD } })).status).toBe(401);
    });

    it('leads to refused posts, which are counted, when it is removed too early', async () => {
      let secrets: SharedSecret[] = [OLD];
      const app = await start({ resolveSecrets: () => ({ secrets }) });
      sender.begin(app);
      await sender.hasSent(20);
      secrets = [NEW];
      await sender.hasSent(20);
      await sender.stop();
      expect(sender.refusals).toContain(401);
    });
  },
);
