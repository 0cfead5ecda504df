import { describe, expect, it } from '@jest/globals';
import { Injectable, Module, UseGuards, Controller, Get, type OnApplicationBootstrap } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { OnVerification } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyDatabase } from '../../support/database/databases.js';
import { freshHost, receiveOnce } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookAppBuilder } from '../../support/app/webhook-app.js';

/** What handlers need, and what is ready only at the end of the boot. */
class Readiness {
  isReady = false;
  calls = 0;
  callsTooEarly = 0;
}
const readiness = new Readiness();
const provided = { provide: Readiness, useValue: readiness };

class UseWhatIsReady {
  @OnVerification({ id: 'use' })
  handle(): void {
    readiness.calls++;
    if (!readiness.isReady) readiness.callsTooEarly++;
  }
}

@Injectable()
class LoadsForLong implements OnApplicationBootstrap {
  async onApplicationBootstrap(): Promise<void> {
    await sleep(200);
    readiness.isReady = true;
  }
}

@Module({ providers: [LoadsForLong] })
class FeatureModule {}

@Module({})
class LoadsForLongItself implements OnApplicationBootstrap {
  onApplicationBootstrap(): Promise<void> {
    return new LoadsForLong().onApplicationBootstrap();
  }
}

@Injectable()
class LoadingGuard extends LoadsForLong {
  canActivate(): boolean {
    return true;
  }
}

@Controller()
@UseGuards(LoadingGuard)
class GuardedController {
  @Get('guarded')
  get(): void {}
}

@Injectable()
class FailsToLoad implements OnApplicationBootstrap {
  async onApplicationBootstrap(): Promise<void> {
    await sleep(50);
    throw new Error('It cannot be loaded.');
  }
}

const hosts: [string, (app: WebhookAppBuilder) => WebhookAppBuilder][] = [
  ['a provider of the root module', (a) => a.withHandlers(LoadsForLong)],
  ['a provider of a feature module', (a) => a.importing(FeatureModule)],
  ['a global module', (a) => a.importing({ module: FeatureModule, global: true })],
  ['the class of a module', (a) => a.importing(LoadsForLongItself)],
  ['a guard', (a) => a.withControllers(GuardedController)],
  ['a value', (a) => a.withHandlers({ provide: 'loads', useValue: new LoadsForLong() })],
];

describe.each(anyDatabase)('a backlog at boot, on %s', (kind) => {
  const host = freshHost(kind);

  async function leaveBacklog(): Promise<unknown[]> {
    Object.assign(readiness, new Readiness());
    const bodies = [payload(), payload()];
    await receiveOnce(
      host,
      (a) => a,
      async (receiver) => {
        for (const body of bodies) expect(await receiver.post(body)).toMatchObject({ status: 200 });
      },
    );
    return bodies.map(({ sessionId }) => sessionId);
  }

  describe.each([true, false])('with the event emitter: %p', (hasEmitter) => {
    it.each(hosts)('waits for onApplicationBootstrap of %s', async (_, configure) => {
      const backlog = await leaveBacklog();
      const app = await host.start((a) => {
        a.withoutEventEmitter();
        if (hasEmitter) a.importing(EventEmitterModule.forRoot());
        return configure(a.withHandlers(provided, UseWhatIsReady));
      });
      for (const sessionId of backlog) await app.delivery(sessionId, 'completed');
      expect(readiness).toEqual({ isReady: true, calls: 2, callsTooEarly: 0 });
    });
  });

  it('leaves the hooks of an object as they were, which several apps have one after the other', async () => {
    const backlog = await leaveBacklog();
    const loads = new LoadsForLong();
    const frozen = Object.freeze(new LoadsForLong());
    const providers = [
      provided,
      UseWhatIsReady,
      { provide: 'loads', useValue: loads },
      { provide: 'frozen', useValue: frozen },
    ];
    for (let boot = 0; boot < 2; boot++) {
      const app = await host.start((a) => a.withHandlers(...providers));
      for (const sessionId of backlog) await app.delivery(sessionId, 'completed');
      await host.stop(app);
      expect(Object.getOwnPropertyNames(loads)).toEqual([]);
    }
  });

  it('is left alone by an app that does not boot', async () => {
    const backlog = await leaveBacklog();
    const failing = host.start((a) => a.withHandlers(provided, UseWhatIsReady, FailsToLoad));
    await expect(failing).rejects.toThrow('It cannot be loaded.');
    const receiver = await host.start((a) => a.withOptions({ processing: { enabled: false } }));
    for (const sessionId of backlog) await receiver.delivery(sessionId, 'pending');
    expect(readiness.calls).toBe(0);
  });
});
