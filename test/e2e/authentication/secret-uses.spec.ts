import { describe, expect, it } from '@jest/globals';
import type { Clock, SecretUse } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

const OLD = 'canary-of-the-year-that-ends-4711';
const NEW = 'canary-of-the-year-that-begins-4712';

/** Stands still unless it is moved. */
class StoppedClock implements Clock {
  private time = Date.UTC(2026, 0, 31);

  now(): number {
    return this.time;
  }

  advance(milliseconds: number): void {
    this.time += milliseconds;
  }
}

const usesIn = async (app: WebhookApp): Promise<SecretUse[]> => (await app.inbox.stats()).secrets;
const post = (app: WebhookApp, secret: string, path?: string) =>
  app.post(payload(), { headers: { 'x-api-key': secret }, ...(path && { path }) });

describe('the uses of secrets', () => {
  const host = freshHost('sqlite');

  it('show a rotation from its begin to its end', async () => {
    const clock = new StoppedClock();
    const notAfter = new Date(clock.now() + 60_000);
    const secrets = [
      { id: 'new', value: NEW },
      { id: 'old', value: OLD, notAfter },
    ];
    const app = await host.start((builder) => builder.withClock(clock).withOptions({ auth: { secrets } }));
    expect(await usesIn(app)).toEqual([
      { id: 'new', tenant: '', uses: 0, lastUsedAt: null, isExpired: false },
      { id: 'old', tenant: '', uses: 0, lastUsedAt: null, isExpired: false },
    ]);

    await post(app, OLD);
    const lastOld = clock.now();
    await post(app, 'a-guess');
    clock.advance(1_000);
    await post(app, NEW);
    await post(app, NEW);
    expect(await usesIn(app)).toEqual([
      { id: 'new', tenant: '', uses: 2, lastUsedAt: clock.now(), isExpired: false },
      { id: 'old', tenant: '', uses: 1, lastUsedAt: lastOld, isExpired: false },
    ]);

    clock.advance(60_000);
    expect((await post(app, OLD)).status).toBe(401);
    expect((await usesIn(app))[1]).toEqual({
      id: 'old',
      tenant: '',
      uses: 2,
      lastUsedAt: clock.now(),
      isExpired: true,
    });
  });

  it('name a secret without an id by its place, and never by its value', async () => {
    const app = await host.start((builder) => builder.withOptions({ auth: { secrets: [NEW, OLD] } }));
    await post(app, OLD);
    const uses = await usesIn(app);
    expect(uses.map(({ id, uses: number }) => [id, number])).toEqual([
      ['secrets[0]', 0],
      ['secrets[1]', 1],
    ]);
    expect(JSON.stringify(uses)).not.toContain('canary');
  });

  it('are those of each tenant where secrets are resolved', async () => {
    const resolveSecrets = ({ params }: { params: Readonly<Record<string, string>> }) => ({
      tenant: String(params.tenant),
      secrets: [{ id: 'new', value: NEW }, OLD],
    });
    const app = await host.start((builder) => builder.withOptions({ path: 'hooks/:tenant', auth: { resolveSecrets } }));
    await post(app, NEW, '/hooks/north');
    await post(app, NEW, '/hooks/north');
    await post(app, OLD, '/hooks/south');
    await post(app, 'a-guess', '/hooks/west');
    expect((await usesIn(app)).map(({ id, tenant, uses }) => [tenant, id, uses])).toEqual([
      ['north', 'new', 2],
      ['south', 'secrets[1]', 1],
    ]);
  });

  it('are none where everyone may post', async () => {
    const app = await host.start((builder) => builder.withOptions({ auth: 'none' }));
    await app.post(payload());
    expect(await usesIn(app)).toEqual([]);
  });
});
