import { describe, expect, it } from '@jest/globals';
import { inPlainText } from '../../support/app/keys.js';
import { Injectable, Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { databases } from '../../support/database/databases.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import { SECRET, type WebhookApp } from '../../support/app/webhook-app.js';

@Injectable()
class Listen {
  readonly heard: unknown[] = [];

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  hear(event: VerificationCompleted): void {
    this.heard.push(event);
  }
}

@Injectable()
class Handle {
  readonly events: VerificationEvent[] = [];

  @OnVerification({ id: 'handle' })
  handle(event: VerificationEvent): void {
    this.events.push(event);
  }
}

@Injectable()
class FailToListenOnce {
  calls = 0;

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  async hear(): Promise<void> {
    if (++this.calls === 1) throw new Error('not yet');
  }
}

@Injectable()
class FailToListenOnceInTheBackground {
  calls = 0;

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false, async: true, promisify: true })
  async hear(): Promise<void> {
    if (++this.calls === 1) throw new Error('not yet');
  }
}

@Injectable()
class ListenAtAGate {
  readonly gate = new Gate();

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  async hear(): Promise<void> {
    await this.gate.pass();
  }
}

@Injectable()
class ListenWithWildcards {
  readonly heard: string[] = [];

  @OnEvent('cr3dentials.**', { suppressErrors: false })
  everything({ status }: VerificationEvent): void {
    this.heard.push(`everything ${status}`);
  }

  @OnEvent('cr3dentials.*.errored', { suppressErrors: false })
  errors({ status }: VerificationEvent): void {
    this.heard.push(`errors ${status}`);
  }
}

/** Changes what it gets, as far as it can, before the others get theirs. */
@Injectable()
class Meddle {
  readonly refusals: unknown[] = [];

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false, prependListener: true })
  hear(event: VerificationCompleted): void {
    this.meddleWith(event);
  }

  @OnVerification({ id: 'meddle' })
  handle(event: VerificationEvent): void {
    this.meddleWith(event);
  }

  private meddleWith(event: VerificationEvent): void {
    for (const change of [{ sessionId: 'another' }, { extractedData: { forged: true } }]) {
      try {
        Object.assign(event, change);
      } catch (error) {
        this.refusals.push(error);
      }
    }
  }
}

@Injectable()
class TakeTheReservedId {
  @OnVerification({ id: 'event-emitter' })
  handle(): void {}
}

async function told(app: WebhookApp, body = payload(), state = 'completed') {
  await app.post(body);
  return app.delivery(body.sessionId, state);
}

describe.each(databases)('a listener of the event emitter, on %s', (kind) => {
  const host = freshHost(kind);

  it.each([
    ['fails', FailToListenOnce],
    ['fails in the background', FailToListenOnceInTheBackground],
  ])('that %s is retried together with all other listeners', async (_, Class) => {
    const app = await host.start((a) => a.withHandlers(Listen, Class, Handle));
    const { runs } = await told(app);

    expect(app.nest.get<FailToListenOnce>(Class).calls).toBe(2);
    expect(app.nest.get(Listen).heard).toHaveLength(2);
    expect(app.nest.get(Handle).events).toHaveLength(1);
    expect(runs).toMatchObject([
      { handler: 'event-emitter', state: 'completed', attempts: 2 },
      { handler: 'handle', state: 'completed', attempts: 1 },
    ]);
  });
});

describe('the event emitter', () => {
  const host = freshHost('sqlite');

  it('emits the event that handlers get, and one of its own', async () => {
    const app = await host.start((a) => a.withHandlers(Listen, Handle));
    const { id, runs } = await told(app);

    const { heard } = app.nest.get(Listen);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toBeInstanceOf(VerificationCompleted);
    expect(heard[0]).toMatchObject({ deliveryId: id });
    expect(heard[0]).toEqual(app.nest.get(Handle).events[0]);
    expect(heard[0]).not.toBe(app.nest.get(Handle).events[0]);
    expect(runs).toEqual([]);
  });

  it('gives listeners and handlers what was sent, whatever the others do with theirs', async () => {
    const app = await host.start((a) => a.withHandlers(Meddle, Listen, Handle));
    const body = payload();
    await told(app, body);
    const { sessionId, extractedData } = body;
    expect(app.nest.get(Listen).heard).toEqual([expect.objectContaining({ sessionId, extractedData })]);
    expect(app.nest.get(Handle).events).toEqual([expect.objectContaining({ sessionId, extractedData })]);
    expect(app.nest.get(Meddle).refusals).toEqual([expect.any(TypeError), expect.any(TypeError)]);
  });

  it('completes its run when every listener has completed', async () => {
    const app = await host.start((a) => a.withHandlers(Listen, ListenAtAGate));
    const { gate } = app.nest.get(ListenAtAGate);
    const body = payload();
    await app.post(body);
    await until('the listener waits', () => gate.arrivals === 1);
    await told(app, payload({ status: 'ERROR' }), 'unhandled'); // completions are written meanwhile
    expect(await app.delivery(body.sessionId, 'processing')).toMatchObject({ finishedAt: null });
    gate.open();
    await app.delivery(body.sessionId, 'completed');

    expect(app.nest.get(Listen).heard).toHaveLength(1);
  });

  it('reaches listeners by wildcard', async () => {
    const app = await host.start((a) =>
      a
        .withoutEventEmitter()
        .importing(EventEmitterModule.forRoot({ wildcard: true }))
        .withHandlers(ListenWithWildcards),
    );
    await told(app);
    await told(app, payload({ status: 'ERROR' }));

    expect(app.nest.get(ListenWithWildcards).heard.toSorted()).toEqual([
      'errors ERROR',
      'everything COMPLETED',
      'everything ERROR',
    ]);
    expect(app.logger.matching(/@OnEvent/)).toEqual([]);
  });

  it.each([
    ['without wildcards', false],
    ['with wildcards', true],
  ])('reaches listeners of any event and listeners that are added after the boot, %s', async (_, wildcard) => {
    const app = await host.start((a) => a.withoutEventEmitter().importing(EventEmitterModule.forRoot({ wildcard })));
    const heard: unknown[] = [];
    app.nest.get(EventEmitter2).onAny((name, event: VerificationEvent) => heard.push([name, event.sessionId]));
    const body = payload();
    await told(app, body);

    expect(heard).toEqual([[VerificationCompleted.eventName, body.sessionId]]);
  });

  it('has no run when no listener subscribes to the event', async () => {
    const app = await host.start((a) => a.withHandlers(Listen));

    expect((await told(app, payload({ status: 'ERROR' }), 'unhandled')).runs).toEqual([]);
    expect(app.nest.get(Listen).heard).toEqual([]);
    await until(
      'the boot has been summed up',
      () => app.logger.matching(/Handlers by status: COMPLETED → event-emitter Cr3dentialsWebhook/)[0],
    );
  });

  it('is replayed by its name', async () => {
    const app = await host.start((a) => a.withHandlers(Listen, Handle));
    const { id, sessionId } = await told(app);
    expect(await app.inbox.replay(id, { handlers: ['event-emitter'] })).toBe('replayed');
    await app.delivery(sessionId, 'completed');

    expect(app.nest.get(Listen).heard).toHaveLength(2);
    expect(app.nest.get(Handle).events).toHaveLength(1);
  });

  it('is optional', async () => {
    const app = await host.start((a) => a.withoutEventEmitter().withHandlers(Handle));
    await told(app);

    expect(app.nest.get(Handle).events).toHaveLength(1);
    expect(() => app.nest.get(EventEmitter2)).toThrow(/could not find EventEmitter/);
  });

  it('reserves its handler id', async () => {
    await expect(host.start((a) => a.withHandlers(TakeTheReservedId))).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringContaining('"event-emitter"'),
    });
  });

  it('emits a delivery from before the boot after its listeners are registered', async () => {
    const receiver = await host.start((a) => inPlainText(a).withOptions({ processing: { enabled: false } }));
    const body = payload();
    await receiver.post(body);
    await host.stop(receiver);

    const app = await host.start((a) => a.withoutEventEmitter().withModule(firstOfAll()).withHandlers(Listen, Handle));
    await app.delivery(body.sessionId, 'completed');
    expect(app.nest.get(Handle).events).toHaveLength(1);
    expect(app.nest.get(Listen).heard).toHaveLength(1);
  });
});

/** Boots after our module, and before the event emitter has its listeners, and takes its time. */
@Injectable()
class SlowToBoot implements OnApplicationBootstrap {
  async onApplicationBootstrap(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

@Module({})
class HostModule {}

@Module({ providers: [SlowToBoot] })
class SlowModule {}

/** Modules that are global boot in the order of their import: ours before the slow one and the event emitter. */
function firstOfAll(): DynamicModule {
  return {
    module: HostModule,
    imports: [
      Cr3dentialsWebhookModule.forRoot({
        auth: { secrets: [SECRET] },
        isGlobal: true,
        processing: { pollInterval: 25 },
      }),
      { module: SlowModule, global: true },
      EventEmitterModule.forRoot(),
    ],
  };
}
