import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { isLocked } from '../database/database.errors.js';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { TombstoneRepository, type ErasedDelivery } from '../inbox/tombstone.repository.js';
import type { ErasureRecord } from './erasure.js';
import { ErasureQueries } from './erasure.queries.js';
import { ErasureRepository, type ErasureCounts } from './erasure.repository.js';

/** Time between two looks at what a worker is processing, or somebody has locked. */
const ASK_INTERVAL_MS = 250;
/** Time for which locked rows are tried. An instance tries them again later. */
const LOCKED_TIMEOUT_MS = 3_000;
const MIN_PAUSE_MS = 20;
const MAX_ROWS = 500;
/** SQLite stops the event loop. */
const MAX_ROWS_OF_FILE = 100;

const UNPROCESSED: ReadonlySet<DeliveryState> = new Set(['pending', 'processing', 'dead', 'unhandled']);

export interface ExecuteOptions {
  /** Milliseconds for which a delivery that is being processed may come to its end. */
  readonly wait: number;
  /** Time until which rejections of a tenant were received that are erased. */
  readonly until: number;
  readonly signal: AbortSignal;
}

/**
 * Erases what the record of an erasure names: deliveries first, because whoever writes for a tombstone writes nothing,
 * then what else is kept of them, and the keys last. It can be done again at any time.
 */
@Injectable()
export class ErasureExecutor {
  private readonly maxRows: number;

  constructor(
    private readonly queries: ErasureQueries,
    private readonly repository: ErasureRepository,
    private readonly tombstones: TombstoneRepository,
    private readonly connection: DatabaseConnection,
    private readonly codec: PayloadCodec,
    private readonly clock: Clock,
  ) {
    this.maxRows = connection.dialect.truncateWal ? MAX_ROWS_OF_FILE : MAX_ROWS;
  }

  /** Resolves to false if something is left: it is locked, or the signal was aborted. */
  async execute(record: ErasureRecord, how: ExecuteOptions): Promise<boolean> {
    const areErased = await this.eraseDeliveries(record, how);
    const areDeleted = await this.deleteRejections(record, how);
    const areRunsDeleted = await this.deleteRuns(record);
    const isForgotten = record.kind !== 'tenant' || (await this.forgetTenant(record.tenant ?? ''));
    const isDone = areErased && areDeleted && areRunsDeleted && isForgotten;
    if (isDone && record.shred && record.state === 'requested') await this.codec.destroyKeys(record.tenant ?? '');
    await this.truncateWal();
    return isDone;
  }

  private async eraseDeliveries(record: ErasureRecord, { wait, signal }: ExecuteOptions): Promise<boolean> {
    const patientUntil = performance.now() + wait;
    let giveUpAt = patientUntil + LOCKED_TIMEOUT_MS;
    for (;;) {
      if (signal.aborted) return false;
      const startedAt = performance.now();
      const { found, erased } = await this.eraseBatch(record, startedAt >= patientUntil);
      if (found === 0) return true;
      const endedAt = performance.now();
      if (erased > 0) giveUpAt = Math.max(giveUpAt, endedAt + LOCKED_TIMEOUT_MS);
      else if (endedAt >= giveUpAt) return false;
      if (erased === found && found < this.maxRows) continue;
      await pause(erased > 0 ? endedAt - startedAt : ASK_INTERVAL_MS, signal);
    }
  }

  /** Returns how many are left to erase, as far as one batch goes, and how many of them it has erased. */
  private async eraseBatch(record: ErasureRecord, evenInFlight: boolean): Promise<{ found: number; erased: number }> {
    const options = { evenInFlight, forgetsTenant: record.kind === 'tenant' };
    const now = this.clock.now();
    const count = (erased: readonly ErasedDelivery[]) => this.repository.countStatement(record.id, countsOf(erased));
    try {
      await this.tombstones.add(await this.queries.withoutDelivery(record.sessionKeys), record.tenant ?? '', now);
      const ids = await this.queries.deliveriesOf(record, this.maxRows);
      if (ids.length === 0) return { found: 0, erased: 0 };
      return { found: ids.length, erased: (await this.tombstones.erase(ids, now, options, count)).length };
    } catch (error) {
      if (!isLocked(this.connection.dialect, error)) throw error;
      return { found: 1, erased: 0 };
    }
  }

  private async deleteRejections(record: ErasureRecord, { until, signal }: ExecuteOptions): Promise<boolean> {
    const giveUpAt = performance.now() + LOCKED_TIMEOUT_MS;
    for (;;) {
      const isEmpty = await this.deleteUnlockedRejections(record, until, signal);
      if (isEmpty) return true;
      if (signal.aborted || performance.now() >= giveUpAt) return false;
      await pause(ASK_INTERVAL_MS, signal);
    }
  }

  /** Goes through all rejections once. Resolves to whether none was locked. */
  private async deleteUnlockedRejections(record: ErasureRecord, until: number, signal: AbortSignal): Promise<boolean> {
    const count = (rejections: number) => this.repository.countStatement(record.id, { rejections });
    let left = 0;
    for (let after = ''; !signal.aborted;) {
      const startedAt = performance.now();
      const ids = await this.queries.rejectionsOf(record, until, after, this.maxRows);
      const last = ids.at(-1);
      if (last === undefined) return left === 0;
      left += ids.length - (await this.repository.deleteRejections(ids, count));
      after = last;
      if (ids.length === this.maxRows) await pause(performance.now() - startedAt, signal);
    }
    return false;
  }

  /** Those that a handler's transaction has locked are left to the next time. */
  private async deleteRuns({ requestedAt }: ErasureRecord): Promise<boolean> {
    for (;;) {
      const ids = await this.queries.erasedWithRuns(requestedAt, this.maxRows);
      if (ids.length === 0) return true;
      if (await this.unlessLocked(() => this.repository.deleteRuns(ids))) continue;
      const deleted = [];
      for (const id of ids) deleted.push(await this.unlessLocked(() => this.repository.deleteRuns([id])));
      if (deleted.includes(false)) return false;
    }
  }

  /** Tombstones that somebody has locked are left to the next time. */
  private async forgetTenant(tenant: string): Promise<boolean> {
    return this.unlessLocked(async () => {
      await this.repository.deleteSecretUses(tenant);
      while ((await this.repository.forgetTenant(tenant, this.maxRows)) > 0);
    });
  }

  /** Resolves to false if a row is locked. */
  private async unlessLocked(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!isLocked(this.connection.dialect, error)) throw error;
      return false;
    }
  }

  /** Takes what was erased out of the log of a SQLite file, as far as nobody reads it. */
  private async truncateWal(): Promise<void> {
    const { truncateWal } = this.connection.dialect;
    if (truncateWal) await this.connection.execute(truncateWal).catch(() => {}); // the second look does it again
  }
}

function countsOf(erased: readonly ErasedDelivery[]): ErasureCounts {
  return {
    deliveries: erased.length,
    unprocessed: erased.filter(({ state }) => UNPROCESSED.has(state)).length,
    interrupted: erased.filter(({ isInFlight }) => isInFlight).length,
  };
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(MIN_PAUSE_MS, milliseconds), undefined, { signal }).catch(() => {}); // it stops
}
