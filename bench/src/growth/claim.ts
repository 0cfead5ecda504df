import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { ClaimRepository } from '../../../dist/inbox/claim.repository.js';
import { Handled } from '../contenders/contender.js';
import { OursModule } from '../contenders/ours.module.js';
import { median } from '../report/statistics.js';

const TIMES = 30;
const LIMIT_ROWS = 200;

/** Measures how long a worker's claim takes: the very call that it makes, without a worker that makes it. */
const app = await NestFactory.createApplicationContext(
  OursModule.with(new Handled(), { processing: { enabled: false } }),
  { logger: false },
);
const repository = app.get(ClaimRepository, { strict: false });
const claimId = `${randomUUID()}:1`;

const times: number[] = [];
for (let time = 0; time < TIMES; time++) {
  const now = Date.now();
  const beganAt = performance.now();
  const claimed = await repository.claim({ claimId, expiresAt: now + 30_000 }, now, LIMIT_ROWS);
  times.push(performance.now() - beganAt);
  if (claimed.length !== LIMIT_ROWS)
    throw new Error(`A claim took ${claimed.length} deliveries instead of ${LIMIT_ROWS}.`);
  await repository.release(
    claimed.map(({ id }) => ({ id, claimId })),
    now,
  );
}
await app.close();
process.send?.(median(times));
process.disconnect?.();
