import { describe, expect, it } from '@jest/globals';
import {
  BadRequestException,
  Injectable,
  SetMetadata,
  ValidationPipe,
  type ArgumentMetadata,
  type CanActivate,
  type ExecutionContext,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { APP_GUARD, APP_PIPE, Reflector } from '@nestjs/core';
import { RememberEvents } from '../../support/app/doubles.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { said } from '../../support/http/raw-post.js';
import { platforms } from '../../support/app/webhook-app.js';

const JSON_TYPE = 'application/json; charset=utf-8';
const ACKNOWLEDGED = { status: 200, body: '{"received":true}', type: JSON_TYPE };

/** Everything that a pipe could be tempted to strip, convert, trim or refuse. */
const tempting = () =>
  payload({
    sessionId: ` 00012345678901234567890${Math.random()} `,
    externalReferenceId: '0012345678901234567890',
    proofHash: 'true',
    extractedData: {
      accountNumber: '00123456789012345678',
      balance: 12.5,
      name: '  Ada  ',
      isOpen: 'false',
      nothing: null,
      empty: {},
      list: [1, ' 2 ', [{ deep: ' x ' }]],
    },
    riskScore: ' 7 ',
    aFieldOfTomorrow: { list: [' 1 '] },
  });

/** Trims every text, wherever it stands. */
class TrimInPlace implements PipeTransform {
  transform(value: unknown): unknown {
    if (typeof value === 'string') return value.trim();
    if (value === null || typeof value !== 'object') return value;
    for (const [key, member] of Object.entries(value)) Object.assign(value, { [key]: this.transform(member) });
    return value;
  }
}

/** Trims every text in a copy. */
class TrimCopies implements PipeTransform {
  transform(value: unknown): unknown {
    if (typeof value === 'string') return value.trim();
    if (Array.isArray(value)) return value.map((member) => this.transform(member));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.transform(member)]));
  }
}

class RefuseWhatIsNoBody implements PipeTransform {
  transform(value: unknown, { type }: ArgumentMetadata): unknown {
    if (type !== 'body') throw new BadRequestException('Validation failed');
    return value;
  }
}

const strict = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  transform: true,
  transformOptions: { enableImplicitConversion: true, exposeDefaultValues: true },
};

describe.each(platforms)('a host on %s with a global pipe', (platform) => {
  const host = freshHost('sqlite');

  it.each<[string, PipeTransform]>([
    ['that whitelists and converts', new ValidationPipe(strict)],
    [
      'that whitelists and converts custom parameters',
      new ValidationPipe({ ...strict, validateCustomDecorators: true }),
    ],
    ['that trims in place', new TrimInPlace()],
    ['that trims in copies', new TrimCopies()],
    ['that refuses what is no body', new RefuseWhatIsNoBody()],
  ])('%s stores and handles every delivery unchanged', async (_, pipe) => {
    for (const setting of ['useGlobalPipes', 'APP_PIPE']) {
      const app = await host.start((builder) =>
        setting === 'APP_PIPE'
          ? builder.on(platform).withHandlers(RememberEvents, { provide: APP_PIPE, useValue: pipe })
          : builder
              .on(platform)
              .withHandlers(RememberEvents)
              .configured((nest) => nest.useGlobalPipes(pipe)),
      );
      const body = tempting();
      expect({ setting, ...said(await app.post(body)) }).toEqual({ setting, ...ACKNOWLEDGED });
      const delivery = await app.delivery(body.sessionId, 'completed');
      expect(delivery).toMatchObject({
        sessionId: body.sessionId,
        externalReferenceId: body.externalReferenceId,
        rawBody: JSON.stringify(body),
      });
      const [event] = app.nest.get(RememberEvents).events;
      expect(event).toMatchObject({
        sessionId: body.sessionId,
        proofHash: 'true',
        externalReferenceId: '0012345678901234567890',
      });
      expect(event?.extractedData).toEqual(body.extractedData);
      const refused = await app.post({ ...body, platformId: '1' });
      expect(JSON.parse(refused.body)).toMatchObject({
        statusCode: 400,
        violations: { platformId: ['platformId must be a number conforming to the specified constraints'] },
      });
      await host.stop(app);
    }
  });
});

const IS_PUBLIC = 'isPublic';
const Public = () => SetMetadata(IS_PUBLIC, true);

@Injectable()
class RefuseUnlessPublic implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    return this.reflector.getAllAndOverride<boolean>(IS_PUBLIC, [context.getHandler(), context.getClass()]) ?? false;
  }
}

describe.each(platforms)('a host on %s with a global guard', (platform) => {
  const host = freshHost('sqlite');
  const guard: Provider = { provide: APP_GUARD, useClass: RefuseUnlessPublic };

  it('refuses every delivery when our controller is not decorated', async () => {
    const app = await host.start((builder) => builder.on(platform).withHandlers(guard));
    expect((await app.post(payload())).status).toBe(403);
    expect(await app.inbox.list()).toEqual([]);
  });

  it('accepts what the controller’s decorators let pass, and still requires the secret', async () => {
    const app = await host.start((builder) =>
      builder
        .on(platform)
        .withHandlers(guard)
        .withOptions({ controllerDecorators: [SetMetadata('another', 1), Public()] }),
    );
    expect(said(await app.post(payload()))).toEqual(ACKNOWLEDGED);
    expect((await app.post(payload(), { headers: { 'x-api-key': 'wrong' } })).status).toBe(401);
    expect((await app.post('{')).status).toBe(400);
    expect(await app.inbox.list()).toHaveLength(1);
  });
});
