import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { ActionName } from '../instrumentation/action.names.js';
import { ActionRepository } from '../inbox/action.repository.js';
import type { BulkRow } from '../inbox/bulk.entity.js';
import { BulkRepository, type BulkTransition } from '../inbox/bulk.repository.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { actOf, checkActionOptions, actorOf, type ActionOptions } from './action.options.js';
import { checkBulkFilter, checkRequest, checkResume, checkStart } from './bulk.checks.js';
import { BulkPreviewer } from './bulk.previewer.js';
import { bulkOf, storedSelection } from './bulk.record.js';
import { BulkRunner } from './bulk.runner.js';
import type {
  BulkChange,
  BulkFilter,
  BulkOperation,
  BulkPreview,
  BulkRequest,
  BulkResume,
  BulkStart,
} from './bulk.view.js';
import { DeliveryDecisions } from './delivery.decisions.js';
import { HandlerCatalogue } from './handler.catalogue.js';
import { newId } from '../new-id.js';

const DEFAULT_LIMIT = 50;
const DEFAULT_RATE = 20;
const DEFAULT_PAUSE_AT = 0.2;

/**
 * Bulk replays and discards. An instance that processes deliveries carries them out, in small transactions, at a rate.
 * What was done is kept with them: the end of an instance repeats nothing and leaves nothing out.
 *
 * @publicApi
 */
@Injectable()
export class BulkOperations {
  constructor(
    private readonly repository: BulkRepository,
    private readonly actions: ActionRepository,
    private readonly previewer: BulkPreviewer,
    private readonly runner: BulkRunner,
    private readonly decisions: DeliveryDecisions,
    private readonly handlers: HandlerCatalogue,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /**
   * Tells what a bulk operation would do.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the request is wrong; `HANDLER_INVALID` when no live
   *   instance has a named handler
   */
  async preview(request: BulkRequest): Promise<BulkPreview> {
    checkRequest(request);
    await this.check(request);
    return this.previewer.preview(request);
  }

  /**
   * Starts a bulk operation on what a preview has counted.
   *
   * @throws Cr3dentialsWebhookError `PREVIEW_OUTDATED` when the number of deliveries is not `expected`;
   *   `OPTIONS_INVALID` and `HANDLER_INVALID` as `preview` does
   */
  async start(request: BulkStart): Promise<BulkOperation> {
    checkStart(request);
    await this.check(request);
    const { handlers, asOf, expected } = request;
    const selection = storedSelection(request.selection, asOf);
    const count = await this.previewer.count(selection, asOf);
    if (asOf > this.clock.now())
      throw outdated('The preview is of a moment that is still to come by the clock of this instance.');
    if (count === 0) throw outdated('No delivery is selected.');
    if (count !== expected) throw outdated(`${count} deliveries are selected, not ${expected}.`);
    const traceContext = this.telemetry.activeTraceparent();
    const row = { ...rowOf(request, this.clock.now()), selection: JSON.stringify(selection), traceContext };
    const operator = actorOf(request);
    await this.repository.insert(
      row,
      this.actions.insertStatement({ operator, action: 'bulk-start', targetId: row.id, handlers }),
    );
    this.instrumentation.announce('acted', actOf(operator, 'bulk-start', row.id, handlers));
    this.runner.wake();
    return bulkOf(row, this.clock.now());
  }

  /**
   * Lists bulk operations, newest first. Returns at most 50 unless `limit` is given.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong
   */
  async list(filter: BulkFilter = {}): Promise<BulkOperation[]> {
    checkBulkFilter(filter, '');
    const rows = await this.repository.list({ ...filter, limit: filter.limit ?? DEFAULT_LIMIT });
    return rows.map((row) => bulkOf(row, this.clock.now()));
  }

  /** Resolves to a bulk operation, or to null when there is none. */
  async get(id: string): Promise<BulkOperation | null> {
    const row = await this.repository.find(id);
    return row && bulkOf(row, this.clock.now(), (await this.repository.countDeadAgain(row)).all);
  }

  /**
   * Pauses a running operation, after the deliveries at hand. Resolves to null when there is none.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  async pause(id: string, options: ActionOptions = {}): Promise<BulkChange | null> {
    checkActionOptions(options, '');
    return this.change(id, 'bulk-pause', { from: ['running'], to: 'paused', pausedBy: 'operator' }, options);
  }

  /**
   * Goes on with a paused operation, also with another rate. Resolves to null when there is none.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  async resume(id: string, options: BulkResume = {}): Promise<BulkChange | null> {
    checkResume(options, '');
    const { rate, pauseAt, ...acting } = options;
    return this.change(id, 'bulk-resume', { from: ['paused'], to: 'running', rate, pauseAt }, acting);
  }

  /**
   * Ends a running or paused operation. What was done stays done. Resolves to null when there is none.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when an option is wrong
   */
  async cancel(id: string, options: ActionOptions = {}): Promise<BulkChange | null> {
    checkActionOptions(options, '');
    return this.change(id, 'bulk-cancel', { from: ['running', 'paused'], to: 'cancelled' }, options);
  }

  private async change(
    id: string,
    action: ActionName & `bulk-${string}`,
    transition: BulkTransition,
    acting: ActionOptions,
  ): Promise<BulkChange | null> {
    const operator = actorOf(acting);
    const record = this.actions.insertStatement({ operator, action, targetId: id });
    const isChanged = await this.repository.change(id, transition, record);
    const operation = await this.get(id);
    if (!operation) return null;
    if (isChanged) this.instrumentation.announce('acted', actOf(operator, action, id));
    if (isChanged && transition.to === 'running') this.runner.wake();
    return { isChanged, operation };
  }

  private async check({ selection, handlers }: BulkRequest): Promise<void> {
    this.decisions.checkSelection(selection);
    if (handlers) await this.handlers.assertKnown(handlers);
  }
}

function outdated(why: string): Cr3dentialsWebhookError {
  const message = `${why} Look at the preview again, and start what it counts.`;
  return new Cr3dentialsWebhookError('PREVIEW_OUTDATED', message);
}

/** What every operation begins with. */
const BEGIN = {
  state: 'running',
  pausedBy: null,
  cursorId: '',
  lockedIds: '[]',
  done: 0,
  skipped: 0,
  deadAgain: 0,
  judgedFrom: 0,
  instance: null,
  leaseExpiresAt: 0,
  endedAt: null,
} as const;

function rowOf(request: BulkStart, now: number): Omit<BulkRow, 'selection' | 'traceContext'> {
  const { action, handlers, asOf, expected, rate = DEFAULT_RATE, pauseAt = DEFAULT_PAUSE_AT } = request;
  const { name: operator, source, reason } = actorOf(request);
  const given = { action, asOf, expected, rate, pauseAt, operator, source, reason };
  const times = { startedAt: now, judgedSince: now, updatedAt: now };
  return { ...BEGIN, ...given, ...times, id: newId(), handlers: handlers ? JSON.stringify(handlers) : null };
}
