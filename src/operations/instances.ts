import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { InstanceRepository } from '../inbox/instance.repository.js';
import { WorkerIdentity } from '../processing/worker.identity.js';
import { instanceOf } from './instance.record.js';
import type { Instance } from './instance.view.js';

/** Reads what instances say of themselves. */
@Injectable()
export class Instances {
  constructor(
    private readonly repository: InstanceRepository,
    private readonly clock: Clock,
    private readonly identity: WorkerIdentity,
  ) {}

  /** Returns instances, those last heard of first. */
  async list(): Promise<Instance[]> {
    const now = this.clock.now();
    // Whoever reads this is not lost, whenever it has last written.
    return (await this.repository.list()).map((row) =>
      instanceOf(row, row.id === this.identity.id ? row.heardAt : now),
    );
  }
}
