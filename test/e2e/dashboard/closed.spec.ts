import { Controller, Get, Module, VersioningType, type INestApplication } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { dashboardIsClosed } from 'nestjs-cr3dentials-webhook/testing';
import { mount } from '../../../src/dashboard/dashboard.controllers.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { platforms, type WebhookAppBuilder } from '../../support/app/webhook-app.js';
import {
  as,
  ask,
  dashboard,
  OPERATORS,
  PATH,
  TokenGuard,
  type TestRequest,
} from '../../support/dashboard/dashboard-app.js';

const ROUTES = 28;
/** A host without a prefix, and one with a prefix and versions. */
const bases = ['', '/api/v2'];

/** Who is let in, if the guards let everybody through. */
const identifications = {
  'names nobody': () => undefined,
  throws: () => {
    throw new Error('the directory is down');
  },
  'returns an operator without an id': () => ({ id: '', can: 'everything' }) as const,
  'returns an unknown permission': () => ({ id: 'eve', can: ['root'] }) as never,
  'returns tenants that are no list': () => ({ id: 'eve', can: 'everything', tenants: 'acme' }) as never,
  'returns an operator that throws': () => ({
    id: 'eve',
    get can(): 'everything' {
      throw new Error('the session has ended');
    },
  }),
};

class LetEverybodyThrough {
  canActivate(): boolean {
    return true;
  }
}

class RefuseEverybody {
  canActivate(): boolean {
    return false;
  }
}

/** As a library mounts a page: beside Nest, where no guard reaches it. */
function mountBeside(app: INestApplication): void {
  const adapter = app.getHttpAdapter() as {
    get(path: string, handler: (request: unknown, response: Sender) => unknown): void;
  };
  adapter.get(`${PATH}/queues`, (_, response) => response.send('every job'));
}

interface Sender {
  send(text: string): unknown;
}

@Controller('ops/inbox/api/more')
class Forgotten {
  @Get()
  list(): string[] {
    return ['deliveries of everybody'];
  }
}

@Module({ controllers: [Forgotten] })
class ForgottenModule {}

describe.each(platforms.flatMap((platform) => bases.map((base) => [platform, base] as const)))(
  'the page on %s, behind "%s"',
  (platform, base) => {
    const host = freshHost('sqlite');
    const on = (a: WebhookAppBuilder) =>
      a.on(platform).configured((app) => {
        if (!base) return;
        app.setGlobalPrefix(base.slice(1));
        app.enableVersioning({ type: VersioningType.URI, defaultVersion: '7' });
      });

    it('is closed without credentials, on every route that the platform has', async () => {
      const app = await host.start((a) => on(a).importing(dashboard()));
      const asked = await dashboardIsClosed(app.nest);
      const own = asked.filter((name) => !name.startsWith('HEAD'));
      expect(own).toHaveLength(ROUTES);
      expect(own).toContain(`GET ${base}${PATH}`);
      expect(own).toContain(`POST ${base}${PATH}/api/bulk/:id/cancel`);
      expect((await ask(app, '/api/session', as('alice', { base }))).status).toBe(200); // the control: it is there
      expect(app.logger.matching(/Webhook inbox at GET/).join()).toContain(
        `Webhook inbox at GET ${base}${PATH} | guards: TokenGuard | operators by identify()`,
      );
    });

    it.each(Object.entries(identifications))('is closed when identify() %s', async (_, identify) => {
      const access = { guards: [LetEverybodyThrough], identify } as const;
      const app = await host.start((a) => on(a).importing(dashboard({ access })));
      expect((await dashboardIsClosed(app.nest)).length).toBeGreaterThanOrEqual(ROUTES);
      const { status, body } = await ask(app, '/api/deliveries', { base });
      expect([status, body]).toMatchObject([403, { code: 'FORBIDDEN' }]);
    });

    it('has the guards of the host in force, global ones too', async () => {
      const access = { guards: 'global', identify: () => OPERATORS.alice } as const;
      const app = await host.start((a) =>
        on(a).withHandlers({ provide: APP_GUARD, useClass: RefuseEverybody }).importing(dashboard({ access })),
      );
      expect((await dashboardIsClosed(app.nest)).length).toBeGreaterThanOrEqual(ROUTES);
    });
  },
);

describe.each(platforms)('what is open, on %s', (platform) => {
  const host = freshHost('sqlite');

  it('is found: a controller of somebody else below the path', async () => {
    const app = await host.start((a) => a.on(platform).importing(dashboard(), ForgottenModule));
    await expect(dashboardIsClosed(app.nest)).rejects.toThrow('GET /ops/inbox/api/more answered 200');
  });

  it('is found: what is mounted beside Nest', async () => {
    const app = await host.start((a) => a.on(platform).importing(dashboard()).configured(mountBeside));
    await expect(dashboardIsClosed(app.nest)).rejects.toThrow('GET /ops/inbox/queues answered 200');
  });

  it('is the page that asks for a token, and nothing of its API', async () => {
    const access = {
      guards: [TokenGuard] as const,
      identify: ({ user }: TestRequest) => OPERATORS[String(user)],
      signIn: 'bearer' as const,
    };
    const app = await host.start((a) =>
      a.on(platform).importing(dashboard({ access: { ...access, guards: [TokenGuard] } })),
    );
    const { status, text } = await ask(app, '');
    expect([status, text]).toEqual([200, expect.stringContaining('data-sign-in="bearer"')]);
    expect(await dashboardIsClosed(app.nest)).not.toContain('GET /ops/inbox');
    expect((await ask(app, '/api/session')).status).toBe(401);
    expect((await ask(app, '/api/session', as('alice'))).body).toMatchObject({ signsInWithToken: true });
  });

  it('is nothing of a page that is not enabled', async () => {
    const app = await host.start((a) => a.on(platform).importing(dashboard({ enabled: false })));
    expect((await ask(app, '', as('alice'))).status).toBe(404);
    await expect(dashboardIsClosed(app.nest)).rejects.toThrow('The page has no route.');
  });
});

describe('a controller', () => {
  it('is not mounted if one of its routes demands no permission', () => {
    expect(() => mount(Forgotten, '/ops', [], { controllerDecorators: [] })).toThrow(
      'Forgotten.list demands no permission. Decorate it with @Requires().',
    );
  });
});
