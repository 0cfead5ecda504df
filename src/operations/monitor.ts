import { Injectable } from '@nestjs/common';
import { SecretUseRepository } from '../inbox/secret-use.repository.js';
import type { ErrorFilter, ErrorGroups } from './error-group.view.js';
import { MAX_SEARCH_MS } from '../inbox/windowed.search.js';
import { ErrorGrouper } from './error.groups.js';
import { HandlerCatalogue } from './handler.catalogue.js';
import type { HealthProblem } from './inbox.health.js';
import { InboxProblems } from './inbox.problems.js';
import { Instances } from './instances.js';
import type { HandlerSummary, Instance, SecretRecord } from './instance.view.js';
import { NO_ACTIVITY, TallyReader } from './tally.reader.js';

/**
 * What operators look at.
 *
 * @publicApi
 */
@Injectable()
export class Monitor {
  constructor(
    private readonly found: InboxProblems,
    private readonly known: Instances,
    private readonly catalogue: HandlerCatalogue,
    private readonly secretUses: SecretUseRepository,
    private readonly grouper: ErrorGrouper,
    private readonly tallies: TallyReader,
  ) {}

  /**
   * Lists what is wrong with the inbox, the worst first. It is asked of the database, at most once in 10 seconds, so
   * that every instance and the command line know the same. Never rejects.
   */
  problems(): Promise<HealthProblem[]> {
    return this.found.find();
  }

  /** Lists instances, those last heard of first: those of the last 48 hours, 500 at most. */
  instances(): Promise<Instance[]> {
    return this.known.list();
  }

  /** Lists the handlers of live instances, and those that dead deliveries name. */
  async handlers(): Promise<HandlerSummary[]> {
    const instances = await this.known.list();
    const live = instances.filter(({ state }) => state === 'live');
    const handlers = this.catalogue.among(instances);
    const dead = await this.grouper.deadByHandler(MAX_SEARCH_MS);
    const recent = await this.tallies.byHandler();
    const ids = new Set([...handlers.keys(), ...dead.keys()]);
    return [...ids].toSorted().map((id) => ({
      id,
      statuses: handlers.get(id)?.statuses ?? [],
      isTransactional: handlers.get(id)?.isTransactional ?? null,
      instances: live.filter((instance) => instance.handlers.some((one) => one.id === id)).map((one) => one.id),
      dead: dead.get(id) ?? 0,
      recent: recent.get(id) ?? NO_ACTIVITY,
    }));
  }

  /** Lists the secrets that live instances have, and the 1 000 that were used last. */
  async secrets(): Promise<SecretRecord[]> {
    const live = (await this.known.list()).filter(({ state }) => state === 'live');
    const uses = await this.secretUses.list();
    const used = new Set(uses.map(({ tenant, secret }) => `${tenant}\0${secret}`));
    const unused = [...new Set(live.flatMap(({ secrets }) => secrets))].filter((id) => !used.has(`\0${id}`));
    const never = { tenant: '', firstUsedAt: null, lastUsedAt: null, lastExpiredUseAt: null };
    return [...uses, ...unused.map((secret) => ({ ...never, secret }))].map(({ secret: id, ...use }) => {
      const having = use.tenant === '' ? live.filter(({ secrets }) => secrets.includes(id)) : [];
      const ends = having.map((instance) => instance.secretExpiries[instance.secrets.indexOf(id)] ?? null);
      return { id, ...use, notAfter: ends[0] ?? null, instances: having.map((instance) => instance.id) };
    });
  }

  /**
   * Groups dead or waiting deliveries by handler and error: the newest 10 000, on SQLite 2000.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong
   */
  async errors(filter: ErrorFilter = {}): Promise<ErrorGroups> {
    return this.grouper.group(filter);
  }
}
