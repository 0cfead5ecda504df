import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { OnVerification, PermanentError, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { payload } from '../../support/app/payload.js';
import { freshQueues } from '../../support/app/queue-apps.js';
import { servers } from '../../support/database/databases.js';
import { RedisServer } from '../../support/network/redis-server.js';
import { until } from '../../support/time/until.js';

const PERSON = { holder: 'Ada Canary Lovelace', iban: 'DE02120300000000202051' };

class Reports {
  calls = 0;

  @OnVerification(VerificationCompleted, { id: 'reports.render', queue: 'reports' })
  render({ sessionId, extractedData, externalReferenceId }: VerificationCompleted): void {
    this.calls++;
    const message = `${sessionId} ${externalReferenceId} ${JSON.stringify(extractedData)}`;
    throw this.calls === 1 ? new TypeError(message) : new PermanentError(message, { cause: new Error(message) });
  }
}

/** Every command that a Redis is given, as one of its administrators would see it. */
class Monitor {
  readonly commands: string[] = [];

  private constructor(private readonly redis: Redis) {}

  static async of({ connection }: RedisServer): Promise<Monitor> {
    const redis = await new Redis(connection).monitor();
    const monitor = new Monitor(redis);
    redis.on('monitor', (_: string, command: string[]) => monitor.commands.push(command.join(' ')));
    return monitor;
  }

  stop(): void {
    this.redis.disconnect();
  }
}

describe.each(servers)('whoever watches a Redis of queues, on %s', (kind) => {
  const host = freshQueues(kind);

  it('sees the ids of deliveries and of handlers, and nothing of a person', async () => {
    const monitor = await Monitor.of(host.redis);
    const reports = { provide: Reports, useValue: new Reports() };
    const web = await host.apps.web([reports]);
    await host.apps.worker([reports]);
    const body = payload({ extractedData: PERSON, externalReferenceId: 'ada@canary.example' });
    await web.post(body);
    await web.delivery(body.sessionId, 'dead'); // retried once, and then dead: both errors quote the person
    const { id } = (await web.inbox.find({ sessionId: String(body.sessionId) })) ?? {};
    await until('the job is marked dead', () => monitor.commands.some((command) => command.includes('PermanentError')));
    await host.apps.stop();
    monitor.stop();
    const seen = monitor.commands.join('\n');
    expect(seen).toContain(String(id));
    expect(seen).toContain('reports.render');
    for (const value of [body.sessionId, 'Ada', 'Canary', PERSON.iban, 'canary.example', body.proofHash, 'COMPLETED'])
      expect([value, seen.includes(String(value))]).toEqual([value, false]);
  });
});
