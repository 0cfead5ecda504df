import type { Provider } from '@nestjs/common';
import { ErasureQueries } from './erasure.queries.js';
import { ErasureRepository } from './erasure.repository.js';
import { ErasureSweeper } from './erasure.sweeper.js';
import { ErasureTargets } from './erasure.targets.js';
import { Eraser } from './eraser.js';
import { ErasureExecutor } from './erasure.executor.js';
import { Retention } from './retention.js';
import { RetentionRepository } from './retention.repository.js';
import { RetentionRunner } from './retention.runner.js';

/** Providers of retention and erasure. */
export const retentionProviders: Provider[] = [
  RetentionRepository,
  RetentionRunner,
  Retention,
  ErasureRepository,
  ErasureQueries,
  ErasureTargets,
  ErasureExecutor,
  Eraser,
  ErasureSweeper,
];
