import { NestFactory } from '@nestjs/core';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST, Handled, PATH } from '../contenders/contender.js';
import { OursModule } from '../contenders/ours.module.js';
import { SECRET, sample } from '../load/delivery.js';

/** Longer than the longest poll, so that each finds a worker that has been idle for a while. */
const MIN_GAP_MS = 1_500;
const MAX_GAP_MS = 2_500;

/**
 * Measures how long a delivery waits for a worker elsewhere: one instance only receives, another one only handles, and neither
 * has anything else to do. Milliseconds from the answer to the handler.
 */
const [, , count, listenNotify] = process.argv;
const database = { listenNotify: listenNotify === 'true' };
let handledAt = (_at: number): void => {};
const idle = new Handled();
const handled = new Handled(() => handledAt(performance.now()));

const receiver = await NestFactory.create(OursModule.with(idle, { processing: { enabled: false }, database }), {
  logger: false,
});
const worker = await NestFactory.create(OursModule.with(handled, { database }), { logger: false });
await receiver.listen(0, HOST);
await worker.init();
const { port } = (receiver.getHttpServer() as Server).address() as AddressInfo;

const waits: number[] = [];
for (let number = 0; number < Number(count); number++) {
  await sleep(MIN_GAP_MS + Math.random() * (MAX_GAP_MS - MIN_GAP_MS));
  const reached = new Promise<number>((resolve) => (handledAt = resolve));
  const response = await fetch(`http://${HOST}:${port}${PATH}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': SECRET },
    body: JSON.stringify({ ...sample, sessionId: `idle-${number}` }),
  });
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`The answer was ${response.status}.`);
  const answeredAt = performance.now();
  waits.push((await reached) - answeredAt);
}
await worker.close();
await receiver.close();
process.send?.(waits);
process.disconnect?.();
