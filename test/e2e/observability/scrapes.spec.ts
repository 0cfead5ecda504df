import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { promClient } from 'nestjs-cr3dentials-webhook/prom-client';
import { Registry } from 'prom-client';
import { GaugeQueries } from '../../../src/inbox/gauge.queries.js';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';
import { MovingClock } from '../../support/time/moving-clock.js';

const LOST = 'cr3dentials_webhook_lease_lost_total';
const USES = 'cr3dentials_webhook_secret_uses_total';

let registry: Registry;

@Controller('metrics')
class MetricsController {
  @Get()
  metrics(): Promise<string> {
    return registry.metrics();
  }
}

/** Returns the samples of a metric, as a Prometheus gets them. */
async function scrape(app: WebhookApp, name: string): Promise<string[]> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`));
}

describe('a scrape', () => {
  const host = freshHost('sqlite');

  afterEach(() => {
    jest.restoreAllMocks();
  });

  function start(clock = new MovingClock()): Promise<WebhookApp> {
    registry = new Registry();
    return host.start((a) =>
      a
        .withClock(clock)
        .withControllers(MetricsController)
        .withOptions({ telemetry: promClient({ registry }) }),
    );
  }

  it('counts uses of a secret once, although several ask at the same time', async () => {
    const clock = new MovingClock();
    const app = await start(clock);
    for (let n = 0; n < 3; n++) await app.post(payload());
    const once = [`${USES}{cr3dentials_webhook_secret="secrets[0]"} 3`];
    expect(await scrape(app, USES)).toEqual(once);
    clock.advance(10_000); // the numbers of the inbox are read anew, and all wait for them
    const queries = app.nest.get(GaugeQueries);
    const read = queries.read.bind(queries);
    jest.spyOn(queries, 'read').mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return read();
    });
    expect(await Promise.all([scrape(app, USES), scrape(app, USES), scrape(app, USES)])).toEqual([once, once, once]);
    expect(await scrape(app, USES)).toEqual(once);
  });

  it('has lost leases before any was lost: what is not there has not grown when it appears', async () => {
    const app = await start();
    const none = ['not-renewed', 'rescued', 'erased'].map((why) => `${LOST}{cr3dentials_webhook_reason="${why}"} 0`);
    expect(await scrape(app, LOST)).toEqual(none);
  });
});
