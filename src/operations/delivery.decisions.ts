import { Injectable } from '@nestjs/common';
import { ActionRepository, type Actor } from '../inbox/action.repository.js';
import type { DeliveryState } from '../inbox/delivery-state.entity.js';
import {
  DeliveryStateRepository,
  DISCARDABLE_STATES,
  REPLAYABLE_BY_NAME_STATES,
  REPLAYABLE_STATES,
} from '../inbox/delivery-state.repository.js';
import { checkSelection, type DeliverySelection } from '../inbox/selection.checks.js';
import type { DeliveryRecord } from '../inbox/delivery-record.queries.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { SelectionQueries } from '../inbox/selection.queries.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { invalid, oneOf } from '../option.checks.js';
import { actOf, checkActionOptions, actorOf, type ActionOptions, type ReplayOptions } from './action.options.js';
import {
  checkEachOptions,
  checkReplayAllOptions,
  runOnEach,
  type EachOptions,
  type EachResult,
  type ReplayAllOptions,
} from './replay-all.js';
import { DISCARD_RESULTS, REPLAY_RESULTS, type DiscardResult, type ReplayResult } from './decision.results.js';
import type { BulkSelection } from './bulk.view.js';
import { HandlerCatalogue } from './handler.catalogue.js';

/** What is decided of each delivery. `only`: the state that it must be in. */
interface Decision {
  readonly operator: Actor;
  readonly handlers?: readonly string[] | undefined;
  readonly only?: DeliveryState;
}

/** Carries out what an operator decides on deliveries, one or many, and announces each decision. */
@Injectable()
export class DeliveryDecisions {
  constructor(
    private readonly selections: SelectionQueries,
    private readonly states: DeliveryStateRepository,
    private readonly actions: ActionRepository,
    private readonly handlers: HandlerCatalogue,
    private readonly codec: PayloadCodec,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {}

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID`, `HANDLER_INVALID` */
  async replay(deliveryId: string, { handlers, ...acting }: ReplayOptions): Promise<ReplayResult> {
    checkActionOptions(acting, '');
    if (handlers) await this.handlers.assertKnown(handlers);
    const operator = actorOf(acting);
    const answer = await this.replayOne(deliveryId, { handlers, operator });
    if (answer === 'replayed') this.instrumentation.announce('acted', actOf(operator, 'replay', deliveryId, handlers));
    return answer;
  }

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID`, `HANDLER_INVALID` */
  async replayAll(selection: BulkSelection, options: ReplayAllOptions): Promise<EachResult<ReplayResult>> {
    const { handlers, ...pace } = options;
    checkReplayAllOptions(options, '');
    this.checkBulk(selection, handlers ? REPLAYABLE_BY_NAME_STATES : REPLAYABLE_STATES);
    if (handlers) await this.handlers.assertKnown(handlers);
    const how = { handlers, operator: actorOf(options), only: selection.state };
    const pages = this.selections.pages(selection);
    const result = await runOnEach(pages, REPLAY_RESULTS, (id) => this.replayOne(id, how), pace);
    this.announceMany('replay', result.replayed, how);
    return result;
  }

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  async discard(deliveryId: string, acting: ActionOptions): Promise<DiscardResult> {
    checkActionOptions(acting, '');
    const operator = actorOf(acting);
    const { answer, isChanged } = await this.discardOne(deliveryId, { operator });
    if (isChanged) this.instrumentation.announce('acted', actOf(operator, 'discard', deliveryId));
    return answer;
  }

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  async discardAll(selection: BulkSelection, options: EachOptions<DiscardResult>): Promise<EachResult<DiscardResult>> {
    checkEachOptions(options, '');
    this.checkBulk(selection, DISCARDABLE_STATES);
    const how = { operator: actorOf(options), only: selection.state };
    const pages = this.selections.pages(selection);
    const discard = async (id: string) => (await this.discardOne(id, how)).answer;
    const result = await runOnEach(pages, DISCARD_RESULTS, discard, options);
    this.announceMany('discard', result.discarded, how);
    return result;
  }

  /**
   * Goes through what is selected.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`
   */
  selected(selection: DeliverySelection): AsyncIterable<readonly DeliveryRecord[]> {
    this.checkSelection(selection);
    return this.selections.pages(selection);
  }

  private async replayOne(deliveryId: string, { handlers, operator, only }: Decision): Promise<ReplayResult> {
    const action = this.actions.insertStatement({ operator, action: 'replay', targetId: deliveryId, handlers });
    const traceContext = this.telemetry.activeTraceparent();
    const answer = await this.states.replay(deliveryId, action, { handlers, only, traceContext });
    this.announce('replay', deliveryId, answer);
    return answer;
  }

  private async discardOne(
    deliveryId: string,
    { operator, only }: Decision,
  ): Promise<{ answer: DiscardResult; isChanged: boolean }> {
    const action = this.actions.insertStatement({ operator, action: 'discard', targetId: deliveryId });
    const result = await this.states.discard(deliveryId, action, only);
    const answer = result === 'already-discarded' ? 'discarded' : result;
    this.announce('discard', deliveryId, answer);
    return { answer, isChanged: result === 'discarded' };
  }

  private announce(decision: 'replay' | 'discard', deliveryId: string, answer: string): void {
    this.instrumentation.announce('decided', { decision, answer, deliveryId, rejectionId: undefined });
  }

  private announceMany(action: 'replay' | 'discard', count: number, { operator, handlers }: Decision): void {
    const several = { ...actOf(operator, action, '', handlers), targetId: null, count };
    if (count > 0) this.instrumentation.announce('acted', several);
  }

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` */
  checkSelection(selection: DeliverySelection): void {
    checkSelection(selection, '');
    if (selection.error !== undefined && this.codec.isKeyed)
      throw invalid('Option "error" cannot be looked for: errors are sealed. Select by "handler" instead.');
  }

  private checkBulk(selection: BulkSelection, states: readonly DeliveryState[]): void {
    this.checkSelection(selection);
    oneOf(...states)(selection.state, 'state');
  }
}
