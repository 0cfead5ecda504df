import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { EventEmitterModule, EventEmitterReadinessWatcher, OnEvent } from '@nestjs/event-emitter';
import { VerificationCompleted, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { SucceedAtOnce } from '../../support/app/doubles.js';
import { freshHost, Gate } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';

function listeningTo(event: string | string[], options?: Parameters<typeof OnEvent>[1]): new () => object {
  @Injectable()
  class Listener {
    @OnEvent(event, options)
    hear(): void {}
  }
  return Listener;
}

/** Is ready only when the test says so. */
@Injectable()
class LateEmitter {
  readonly gate = new Gate();

  constructor(watcher: EventEmitterReadinessWatcher) {
    watcher.waitUntilReady = () => this.gate.pass();
  }
}

describe('an event emitter that is ready only after the shutdown', () => {
  const host = freshHost('sqlite');

  it('starts no worker any more', async () => {
    const app = await host.start((a) => a.withHandlers(LateEmitter, SucceedAtOnce));
    const { gate } = app.nest.get(LateEmitter);
    const body = payload();
    await app.post(body);
    await until('the module waits for it', () => gate.arrivals === 1);
    await host.stop(app);
    const before = app.logger.lines.length;
    gate.open();
    await until('it would have looked for work', () => app.logger.matching(/Handlers by status/)[0]);
    const begun = performance.now();
    await until('and again', () => performance.now() - begun > 200);
    expect(app.logger.lines.slice(before).filter((line) => /^(WARN|ERROR)/.test(line))).toEqual([]);
    const next = await host.start((a) => a.withHandlers(SucceedAtOnce));
    expect(await next.delivery(body.sessionId, 'completed')).toMatchObject({ dispatches: 1, rescues: 0 });
  });
});

describe('@OnEvent listeners at boot', () => {
  const host = freshHost('sqlite');

  async function warnings(Listener: new () => object, wildcard = false): Promise<string[]> {
    const app = await host.start((a) =>
      a.withoutEventEmitter().importing(EventEmitterModule.forRoot({ wildcard })).withHandlers(Listener),
    );
    await until(
      'the boot has been summed up',
      () => app.logger.matching(/Handlers by status: |No handler is subscribed/)[0],
    );
    return app.logger.matching(/^WARN .*@OnEvent/);
  }

  it.each<[string, string, Parameters<typeof OnEvent>[1]]>([
    ['by default', VerificationCompleted.eventName, undefined],
    ['when it says so', VerificationErrored.eventName, { suppressErrors: true }],
    ['with async alone', VerificationCompleted.eventName, { suppressErrors: false, async: true }],
    ['with nextTick alone', VerificationCompleted.eventName, { suppressErrors: false, nextTick: true }],
    ['with promisify alone', VerificationCompleted.eventName, { async: true, promisify: true }],
  ])('are warned of when their failures would be lost %s, with the remedy', async (_, event, options) => {
    const [warning, ...others] = await warnings(listeningTo(event, options));

    expect(warning).toMatch(/Listener\.hear .*@OnVerification/);
    expect(others).toEqual([]);
  });

  it('are warned of when they listen by a wildcard', async () => {
    expect(await warnings(listeningTo('cr3dentials.**'), true)).toHaveLength(1);
    expect(await warnings(listeningTo(['cr3dentials', '*', 'errored']), true)).toHaveLength(1);
    expect(await warnings(listeningTo('orders.**'), true)).toEqual([]);
  });

  it.each<[string, string | string[], Parameters<typeof OnEvent>[1]]>([
    ['fails where we see it', VerificationCompleted.eventName, { suppressErrors: false }],
    ['promises', VerificationCompleted.eventName, { suppressErrors: false, async: true, promisify: true }],
    ['listens to another event', 'orders.created', undefined],
    ['listens to an event of a similar name', `${VerificationCompleted.eventName}.again`, undefined],
  ])('are not warned of when one %s', async (_, event, options) => {
    expect(await warnings(listeningTo(event, options))).toEqual([]);
  });
});
