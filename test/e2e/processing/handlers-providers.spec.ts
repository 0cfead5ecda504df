import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  Injectable,
  Scope,
  UseGuards,
  UseInterceptors,
  type CanActivate,
  type NestInterceptor,
} from '@nestjs/common';
import { OnVerification } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp, WebhookAppBuilder } from '../../support/app/webhook-app.js';

/** Who ran, in the order of the runs. */
@Injectable()
class Journal {
  readonly entries: object[] = [];
}

@Injectable()
class Plain {
  constructor(readonly journal: Journal) {}

  @OnVerification()
  handle(): void {
    this.journal.entries.push(this);
  }
}

@Injectable()
class Inherits extends Plain {}

@Injectable()
class Overrides extends Plain {
  @OnVerification()
  override handle(): void {
    this.journal.entries.push(this);
  }
}

@Controller('accounts')
class OnAController extends Plain {}

@Injectable({ scope: Scope.REQUEST })
class PerRequest extends Plain {}

@Injectable({ scope: Scope.TRANSIENT })
class Transient extends Plain {}

@Controller({ path: 'requests', scope: Scope.REQUEST })
class PerRequestController extends Plain {}

@Injectable()
class NeedsPerRequest {
  constructor(
    private readonly journal: Journal,
    readonly needed: PerRequest,
  ) {}

  @OnVerification()
  needs(): void {
    this.journal.entries.push(this);
  }
}

class Refuse implements CanActivate {
  canActivate = () => false;
}

class Interrupt implements NestInterceptor {
  intercept = () => {
    throw new Error('An interceptor of the host ran around a handler.');
  };
}

@Controller('guarded')
@UseGuards(Refuse)
@UseInterceptors(Interrupt)
class Guarded extends Plain {}

const host = freshHost('sqlite');

async function entriesOfTwoDeliveries(app: WebhookApp): Promise<object[]> {
  for (const body of [payload(), payload()]) {
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');
  }
  return app.nest.get(Journal).entries;
}

function handlersOfCompleted(app: WebhookApp): Promise<string> {
  return until(
    'the boot has been summed up',
    () => app.logger.lines.join('\n').match(/Handlers by status: COMPLETED → (.*?)(?:;| Cr3dentialsWebhook)/)?.[1],
  );
}

describe('the discovery of handlers', () => {
  it.each([
    ['on a provider', 'Plain.handle', (a: WebhookAppBuilder) => a.withHandlers(Plain), Plain],
    [
      'on a controller',
      'OnAController.handle',
      (a: WebhookAppBuilder) => a.withControllers(OnAController),
      OnAController,
    ],
    ['where it is inherited', 'Inherits.handle', (a: WebhookAppBuilder) => a.withHandlers(Inherits), Inherits],
    ['where it is overridden', 'Overrides.handle', (a: WebhookAppBuilder) => a.withHandlers(Overrides), Overrides],
    [
      'on what a factory makes',
      'Plain.handle',
      (a: WebhookAppBuilder) =>
        a.withHandlers({ provide: 'MADE', inject: [Journal], useFactory: (journal: Journal) => new Plain(journal) }),
      Plain,
    ],
    [
      'on what an async factory makes',
      'Plain.handle',
      (a: WebhookAppBuilder) =>
        a.withHandlers({
          provide: Plain,
          inject: [Journal],
          useFactory: async (journal: Journal) => new Plain(journal),
        }),
      Plain,
    ],
    [
      'behind an alias, once',
      'Plain.handle',
      (a: WebhookAppBuilder) => a.withHandlers(Plain, { provide: 'ALIAS', useExisting: Plain }),
      Plain,
    ],
    [
      'behind a factory that answers another provider, once',
      'Plain.handle',
      (a: WebhookAppBuilder) =>
        a.withHandlers(Plain, { provide: 'ALIAS', inject: [Plain], useFactory: (plain: Plain) => plain }),
      Plain,
    ],
  ])('finds a handler %s', async (_, id, configure, Class) => {
    const app = await host.start((a) => configure(a.withHandlers(Journal)));
    const entries = await entriesOfTwoDeliveries(app);

    expect(entries).toHaveLength(2);
    expect(entries[0]).toBeInstanceOf(Class);
    expect(entries[1]).toBe(entries[0]);
    expect(await handlersOfCompleted(app)).toBe(id);
  });

  it.each([
    ['request-scoped', (a: WebhookAppBuilder) => a.withHandlers(PerRequest), PerRequest],
    ['transient', (a: WebhookAppBuilder) => a.withHandlers(Transient), Transient],
    [
      'a request-scoped controller',
      (a: WebhookAppBuilder) => a.withControllers(PerRequestController),
      PerRequestController,
    ],
  ])('finds a handler that is %s, and each run gets a new instance', async (_, configure, Class) => {
    const app = await host.start((a) => configure(a.withHandlers(Journal)));
    const entries = await entriesOfTwoDeliveries(app);

    expect(entries.map((entry) => entry instanceof Class)).toEqual([true, true]);
    expect(entries[0]).not.toBe(entries[1]);
  });

  it('finds a handler that depends on a request-scoped provider, and each run gets a new instance', async () => {
    const app = await host.start((a) => a.withHandlers(Journal, PerRequest, NeedsPerRequest));
    const entries = await entriesOfTwoDeliveries(app);

    const needs = entries.filter((entry) => entry instanceof NeedsPerRequest);
    expect(needs.map(({ needed }) => needed instanceof PerRequest)).toEqual([true, true]);
    expect(needs[0]?.needed).not.toBe(needs[1]?.needed);
    expect(entries).toHaveLength(4);
  });

  it('runs a handler without the guards and interceptors of the host', async () => {
    const app = await host.start((a) => a.withHandlers(Journal).withControllers(Guarded));

    expect(await entriesOfTwoDeliveries(app)).toHaveLength(2);
  });

  it('passes over providers that are not objects or have no prototype', async () => {
    const app = await host.start((a) =>
      a.withHandlers(
        Journal,
        Plain,
        { provide: 'NO_PROTOTYPE', useValue: Object.create(null) as object },
        { provide: 'NULL', useValue: null },
        { provide: 'TEXT', useValue: 'text' },
        {
          provide: 'THROWS',
          useValue: Object.create({
            get secret() {
              throw new Error('A getter was called.');
            },
          }) as object,
        },
      ),
    );

    expect(await entriesOfTwoDeliveries(app)).toHaveLength(2);
  });

  it('finds only the handlers of its own app when several run in one process', async () => {
    const one = await host.start((a) => a.withHandlers(Journal, Plain));
    const other = await host.start((a) =>
      a.withHandlers(Journal, Inherits).withOptions({ path: 'other', processing: { enabled: false } }),
    );
    const entries = await entriesOfTwoDeliveries(one);

    expect(entries.map((entry) => entry.constructor)).toEqual([Plain, Plain]);
    expect(other.nest.get(Journal).entries).toEqual([]);
  });
});
