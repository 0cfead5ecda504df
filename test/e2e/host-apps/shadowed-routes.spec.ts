import { describe, expect, it } from '@jest/globals';
import { All, Controller, Module, Next, Post } from '@nestjs/common';
import { Cr3dentialsWebhookModule } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { platforms, SECRET } from '../../support/app/webhook-app.js';

@Controller()
class CatchAll {
  @All('*rest')
  answer(): string {
    return 'caught';
  }
}

@Controller()
class PassOn {
  @All('*rest')
  pass(@Next() next: () => void): void {
    next();
  }
}

@Controller('webhook')
class Special {
  @Post('special')
  answer(): string {
    return 'special';
  }
}

@Module({ controllers: [CatchAll] })
class CatchAllModule {}

@Module({ imports: [Cr3dentialsWebhookModule.forRoot({ auth: { secrets: [SECRET] } }), CatchAllModule] })
class OrderedModule {}

const WARNING =
  /^WARN Something else in this app answered 200 to 1 POST\..* Import the module of a wildcard route after this one\./;

describe('a wildcard route of the root module, on express', () => {
  const host = freshHost('sqlite');

  it('has each delivery that it answers counted and logged', async () => {
    const app = await host.start((a) => a.withControllers(CatchAll));
    expect(await app.post(payload())).toMatchObject({ status: 200, body: 'caught' });
    expect((await app.inbox.stats()).refused.host).toBe(1);
    expect(app.logger.matching(WARNING)).toHaveLength(1);
  });

  it('has them counted where our route has parameters', async () => {
    const app = await host.start((a) => a.withControllers(CatchAll).withOptions({ path: ':partner/hooks' }));
    expect((await app.post(payload(), { path: '/acme/hooks' })).body).toBe('caught');
    expect((await app.inbox.stats()).refused.host).toBe(1);
  });

  it('counts nothing where it passes deliveries on', async () => {
    const app = await host.start((a) => a.withControllers(PassOn));
    expect((await app.post(payload())).body).toBe('{"received":true}');
    expect((await app.inbox.stats()).refused.host).toBe(0);
    expect(app.logger.matching(WARNING)).toEqual([]);
  });

  it('counts no POST to another path', async () => {
    const app = await host.start((a) => a.withControllers(CatchAll));
    expect((await app.post(payload(), { path: '/others' })).body).toBe('caught');
    expect((await app.inbox.stats()).refused.host).toBe(0);
  });
});

describe('a wildcard route of a module that is imported after ours, on express', () => {
  const host = freshHost('sqlite');

  it('leaves deliveries alone, without a warning', async () => {
    const app = await host.start((a) => a.withModule({ module: OrderedModule }));
    expect((await app.post(payload())).body).toBe('{"received":true}');
    expect((await app.post(payload(), { path: '/others' })).body).toBe('caught');
    expect(app.logger.matching(/^WARN (The route|Something else) /)).toEqual([]);
  });
});

describe.each(platforms)('a route of the root module that ours would match too, on %s', (platform) => {
  const host = freshHost('sqlite');

  it('leaves deliveries alone, without a warning', async () => {
    const app = await host.start((a) =>
      a.on(platform).withControllers(Special).withOptions({ path: 'webhook/:partner' }),
    );
    expect((await app.post(payload(), { path: '/webhook/acme' })).status).toBe(200);
    expect((await app.post(payload(), { path: '/webhook/special' })).status).toBe(201);
    expect((await app.inbox.stats()).refused.host).toBe(0);
    expect(app.logger.matching(/^WARN (The route|Something else) /)).toEqual([]);
  });
});
