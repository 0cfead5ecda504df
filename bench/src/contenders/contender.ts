import type { INestApplication } from '@nestjs/common';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DataSourceOptions } from 'typeorm';
import { profileTo } from './profiler.js';

/** What a contender is told, as JSON in the environment. */
export interface Setting {
  readonly database: DataSourceOptions;
  /** Of what it keeps in Redis. */
  readonly prefix: string;
}

/** What a contender says of itself when it is asked. */
export interface Report {
  readonly handled: number;
  /** Bytes. */
  readonly rss: number;
  readonly heap: number;
  /** Microseconds on the processor since it began. */
  readonly cpu: number;
}

export type Question = 'report' | 'report after collecting garbage' | { profileTo: string } | 'close';
export type Answer = { listens: number } | { report: Report };

/** Where every contender listens. */
export const PATH = '/webhook/cr3dentials';
export const HOST = '127.0.0.1';

export function setting(): Setting {
  return JSON.parse(process.env.BENCH_SETTING ?? '{}') as Setting;
}

/** Deliveries whose handler has run. */
export class Handled {
  count = 0;

  constructor(private readonly also?: () => void) {}

  readonly handle = (): void => {
    this.count++;
    this.also?.();
  };
}

/** Answers the benchmark's questions until it asks to close. */
export function answerFor(handled: Handled, listens: number, close: () => Promise<unknown>): void {
  let endProfile: (() => Promise<void>) | undefined;
  process.on('message', (question: Question) => {
    if (question === 'close') {
      void Promise.resolve(endProfile?.())
        .then(close)
        .finally(() => process.disconnect?.());
      return;
    }
    if (typeof question === 'object') {
      void profileTo(question.profileTo).then((end) => (endProfile = end));
      return;
    }
    if (question === 'report after collecting garbage') global.gc?.();
    const { rss, heapUsed: heap } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    tell({ report: { handled: handled.count, rss, heap, cpu: user + system } });
  });
  // The benchmark is gone.
  process.on('disconnect', () => process.exit());
  tell({ listens });
}

export async function serveNest(app: INestApplication, handled: Handled): Promise<void> {
  await app.listen(0, HOST);
  answerFor(handled, portOf(app.getHttpServer() as Server), () => app.close());
}

export async function serveHttp(server: Server, handled: Handled): Promise<void> {
  await once(server.listen(0, HOST), 'listening');
  answerFor(handled, portOf(server), async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function tell(answer: Answer): void {
  process.send?.(answer);
}
