import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { VerificationCompleted, VerificationErrored } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { until } from '../../support/time/until.js';

function listeningTo(event: string | string[], options?: Parameters<typeof OnEvent>[1]): new () => object {
  @Injectable()
  class Listener {
    @OnEvent(event, options)
    hear(): void {}
  }
  return Listener;
}

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
