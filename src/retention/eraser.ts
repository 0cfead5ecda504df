import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { setMaxListeners } from 'node:events';
import { Clock } from '../clock.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { invalid } from '../option.checks.js';
import type { Erasure, ErasureRecord } from './erasure.js';
import { checkEraseOptions, type EraseOptions, type ErasureSubject } from './erasure.options.js';
import { ErasureQueries } from './erasure.queries.js';
import { ErasureRepository } from './erasure.repository.js';
import { ErasureTargets, type FoundTarget } from './erasure.targets.js';
import { ErasureExecutor } from './erasure.executor.js';
import { newId } from '../new-id.js';

/**
 * Time after an erasure for which something may still be written that was under way: a POST, a handler's transaction.
 */
export const SWEEP_DELAY = Symbol('cr3dentials-webhook sweep delay');

export const DEFAULT_WAIT_MS = 60_000;

/** Erases sessions, references, tenants and rejections. The record comes first, so that another instance can go on. */
@Injectable()
export class Eraser implements BeforeApplicationShutdown {
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(
    @Inject(SWEEP_DELAY) private readonly sweepDelay: number,
    private readonly targets: ErasureTargets,
    private readonly queries: ErasureQueries,
    private readonly repository: ErasureRepository,
    private readonly executor: ErasureExecutor,
    private readonly codec: PayloadCodec,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
  ) {
    setMaxListeners(0, this.#stop.signal); // Node.js would warn of a leak when many erasures wait
  }

  /** Stops what goes on, because the connection to the database is closed next. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running);
  }

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  async erase(subject: ErasureSubject, options: EraseOptions): Promise<Erasure> {
    checkEraseOptions(options, '');
    const { reason = null, requestedBy = null, wait = DEFAULT_WAIT_MS, shred = false, dryRun = false } = options;
    const requestedAt = this.clock.now();
    const target = await this.targets.of(subject, requestedAt);
    if (shred) this.assertCanShred(target.kind === 'tenant');
    const facts = { ...NOTHING_DONE, ...target, reason, requestedBy, shred };
    if (dryRun) return this.preview(facts);
    const id = newId();
    const record = { ...facts, id, state: 'requested', sweepAfter: this.sweepAfter(wait) } as const;
    await this.repository.open(record);
    return this.whileOpen(async () => {
      let isDone = await this.execute(record, wait);
      if (record.kind !== 'reference') return this.conclude(record, isDone);
      // A POST may have been recorded since its reference was looked for.
      const later = withMore(record, await this.targets.of(subject, requestedAt));
      if (later) await this.repository.extend(later);
      if (later) isDone = (await this.execute(later, wait)) && isDone;
      return this.conclude(record, isDone);
    });
  }

  /** Carries out an erasure that was recorded before, also if this database does not know it. */
  async reapply(erasure: ErasureRecord, wait: number): Promise<Erasure> {
    if (erasure.shred) this.assertCanShred(true);
    const record = { ...erasure, state: 'requested', finishedAt: null, sweptAt: null } as const;
    await this.repository.open({ ...record, sweepAfter: this.sweepAfter(wait) });
    return this.whileOpen(async () => this.conclude(record, await this.execute(record, wait)));
  }

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  assertCanShred(isOfTenant: boolean): void {
    if (!isOfTenant) throw invalid('Option "shred" destroys the keys of a tenant. Erase { tenant }, or leave it out.');
    if (!this.codec.canDestroyKeys)
      throw invalid('Option "shred" needs a KeyProvider with the method "destroy". Add it, or leave "shred" out.');
  }

  private sweepAfter(wait = 0): number {
    return this.clock.now() + wait + this.sweepDelay;
  }

  private execute(record: ErasureRecord, wait: number): Promise<boolean> {
    return this.executor.execute(record, { wait, until: record.requestedAt, signal: this.#stop.signal });
  }

  private async conclude({ id }: ErasureRecord, isDone: boolean): Promise<Erasure> {
    if (isDone) await this.repository.markDone(id, this.clock.now(), this.sweepAfter());
    else await this.repository.postpone(id, this.sweepAfter());
    const record = await this.repository.find(id);
    if (!record) throw new Error('The record of an erasure was deleted while it was carried out.');
    const { deliveries, rejections, interrupted, unsearchable } = record;
    const counts = { deliveries, rejections, interrupted };
    this.instrumentation.announce('erased', {
      erasureId: id,
      ...counts,
      isDone,
      isComplete: unsearchable.length === 0,
    });
    return record;
  }

  private async preview(facts: Omit<Erasure, 'id' | 'state' | 'sweepAfter'>): Promise<Erasure> {
    const states = await this.queries.countDeliveries(facts);
    const of = (...names: Parameters<typeof states.get>[0][]) =>
      names.reduce((n, name) => n + (states.get(name) ?? 0), 0);
    return {
      ...facts,
      id: null,
      state: 'preview',
      sweepAfter: null,
      deliveries: [...states.values()].reduce((sum, n) => sum + n, 0),
      rejections: await this.queries.countRejections(facts, facts.requestedAt),
      unprocessed: of('pending', 'processing', 'dead', 'unhandled'),
      interrupted: 0,
    };
  }

  private async whileOpen<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#running.add(running);
    return running.finally(() => this.#running.delete(running));
  }
}

const NOTHING_DONE = {
  deliveries: 0,
  rejections: 0,
  unprocessed: 0,
  interrupted: 0,
  finishedAt: null,
  sweptAt: null,
} as const;

/** Returns the record with what was found later; undefined if nothing was. */
function withMore(record: ErasureRecord, found: FoundTarget): ErasureRecord | undefined {
  const sessionKeys = [...new Set([...record.sessionKeys, ...found.sessionKeys])];
  const rejectionIds = [...new Set([...record.rejectionIds, ...found.rejectionIds])];
  const isMore = sessionKeys.length > record.sessionKeys.length || rejectionIds.length > record.rejectionIds.length;
  return isMore ? { ...record, sessionKeys, rejectionIds } : undefined;
}
