import { Injectable } from '@nestjs/common';
import { DatabaseConnection } from '../database/database.connection.js';
import { FailureQueries, type FailedDelivery, type FailedRun } from '../inbox/failure.queries.js';
import { PayloadCodec, runErrorPlace } from '../inbox/payload.codec.js';
import { checkSelection } from '../inbox/selection.checks.js';
import { SelectionQueries } from '../inbox/selection.queries.js';
import { oneOf } from '../option.checks.js';
import { textOf } from './contents.view.js';
import type { ErrorFilter, ErrorGroup, ErrorGroups } from './error-group.view.js';
import { searchOf, shapeOfError } from './error.shape.js';
import { HandlerCatalogue } from './handler.catalogue.js';

const MAX_DELIVERIES = 10_000;
/** SQLite stops the event loop. */
const MAX_DELIVERIES_OF_FILE = 2_000;

type Found = Pick<ErrorGroup, 'handler' | 'error' | 'reason'> & {
  readonly id: string;
  readonly at: number;
  /** The error with what varies. */
  readonly text: string | null;
};
type Group = Omit<{ -readonly [K in keyof ErrorGroup]: ErrorGroup[K] }, 'isTransactional' | 'search'> &
  Pick<Found, 'text'>;

/** Groups deliveries by what their handlers have failed with. */
@Injectable()
export class ErrorGrouper {
  private readonly most: number;

  constructor(
    private readonly selections: SelectionQueries,
    private readonly failures: FailureQueries,
    private readonly codec: PayloadCodec,
    private readonly handlers: HandlerCatalogue,
    connection: DatabaseConnection,
  ) {
    this.most = connection.dialect.isServer ? MAX_DELIVERIES : MAX_DELIVERIES_OF_FILE;
  }

  /**
   * Groups the newest. After a time it goes on to no further rows, and the groups are partial.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`
   */
  async group(filter: ErrorFilter, withinMs = Infinity): Promise<ErrorGroups> {
    const giveUpAt = performance.now() + withinMs;
    const selection = { ...filter, state: filter.state ?? 'dead' } as const;
    checkSelection(selection, '');
    oneOf('dead', 'pending')(selection.state, 'state');
    const groups = new Map<string, Group>();
    const shapes = new Shapes();
    let deliveries = 0;
    for await (const { ids } of this.selections.windows(selection)) {
      const found = await this.failures.among(ids, selection);
      const looked = found.slice(0, this.most - deliveries);
      deliveries += looked.length;
      for (const one of looked) for (const failure of await this.failuresOf(one, filter, shapes)) add(groups, failure);
      if (looked.length < found.length || performance.now() > giveUpAt) return this.answer(groups, deliveries, true);
    }
    return this.answer(groups, deliveries, false);
  }

  /** Counts the newest dead deliveries by the handlers that failed, as far as it comes in a time. */
  async deadByHandler(withinMs: number): Promise<Map<string, number>> {
    const giveUpAt = performance.now() + withinMs;
    const dead = new Map<string, number>();
    let left = this.most;
    for await (const { ids } of this.selections.windows({ state: 'dead' })) {
      for (const { handler, count } of await this.failures.countDead(ids.slice(0, left)))
        dead.set(handler, (dead.get(handler) ?? 0) + count);
      left -= ids.length;
      if (left <= 0 || performance.now() > giveUpAt) break;
    }
    return dead;
  }

  private async answer(groups: Map<string, Group>, deliveries: number, isPartial: boolean): Promise<ErrorGroups> {
    const known = await this.handlers.all();
    const largest = [...groups.values()].toSorted((one, other) => other.count - one.count);
    return {
      groups: largest.map(({ text, ...group }) => ({
        ...group,
        search: text === null || this.codec.isKeyed ? null : searchOf(text),
        isTransactional: known.get(group.handler ?? '')?.isTransactional ?? null,
      })),
      deliveries,
      isPartial,
    };
  }

  private async failuresOf(one: FailedDelivery, { handler }: ErrorFilter, shapes: Shapes): Promise<Found[]> {
    const { id, state, finishedAt, runs } = one;
    const reason = state === 'dead' ? one.reason : null;
    if (runs.length === 0 && state === 'dead' && handler === undefined)
      return [{ id, reason, at: finishedAt, handler: null, error: null, text: null }];
    const found: Found[] = [];
    for (const run of runs) {
      const text = await this.textOf(run, one);
      found.push({ id, reason, at: run.at, handler: run.handler, error: text === null ? null : shapes.of(text), text });
    }
    return found;
  }

  private async textOf({ handler, error }: FailedRun, { id, tenant }: FailedDelivery): Promise<string | null> {
    if (error === null) return null;
    return textOf(await this.codec.decode(error, runErrorPlace(id, handler, tenant)));
  }
}

/** Remembers the shapes of texts: many deliveries have failed with the same. */
class Shapes {
  readonly #known = new Map<string, string>();

  of(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const shape = shapeOfError(text);
    this.#known.set(text, shape);
    return shape;
  }
}

function add(groups: Map<string, Group>, { id, at, text, ...facts }: Found): void {
  const key = JSON.stringify([facts.handler, facts.error, facts.reason]);
  const group = groups.get(key) ?? { ...facts, text, count: 0, firstAt: at, lastAt: at, example: id };
  if (at >= group.lastAt) Object.assign(group, { lastAt: at, example: id, text });
  group.firstAt = Math.min(group.firstAt, at);
  group.count++;
  groups.set(key, group);
}
