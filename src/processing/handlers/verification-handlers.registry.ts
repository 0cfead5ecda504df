import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { verificationStatuses, type VerificationStatus } from '../../contract/verification-status.js';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { EVENT_EMITTER_HANDLER, EventEmitterBridge } from './event-emitter.bridge.js';
import type { VerificationHandler } from './verification-handler.js';

const MAX_ID_LENGTH = 255;
const FINGERPRINT_LENGTH = 12;

/** Best priority among the handlers of each status that have one. */
export type Priorities = ReadonlyMap<VerificationStatus, number>;

/** Keeps the subscribed handlers: the methods of the host, and the event emitter while it has listeners. */
@Injectable()
export class VerificationHandlersRegistry {
  private handlers: readonly VerificationHandler[] = [];

  constructor(private readonly bridge: EventEmitterBridge) {}

  /**
   * Replaces the handlers of the host. When it throws, the former ones stay.
   *
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID` when an id cannot be stored, or two handlers have the same
   */
  register(handlers: Iterable<VerificationHandler>): void {
    const all = [...handlers];
    assertUniqueIds(all);
    this.handlers = all;
  }

  /** Returns the handlers of the host, without the event emitter. */
  get all(): readonly VerificationHandler[] {
    return this.handlers;
  }

  /** Returns the handlers that are subscribed to the status. */
  for(status: VerificationStatus): VerificationHandler[] {
    const subscribed = this.handlers.filter(({ statuses }) => statuses.has(status));
    const bridge = this.bridge.handlerFor(status);
    return bridge ? [...subscribed, bridge] : subscribed;
  }

  /** Returns true when no handler in this app is subscribed to any status. */
  get isEmpty(): boolean {
    return this.handlers.length === 0 && this.byStatus.size === 0;
  }

  /** Returns true when a handler runs in a transaction. */
  get hasTransactional(): boolean {
    return this.handlers.some(({ transactional }) => transactional);
  }

  /** Returns the handlers that have settings of their own. */
  get limited(): VerificationHandler[] {
    return this.handlers.filter(({ settings }) => settings);
  }

  /** Returns the priorities of the statuses. Undefined if no handler has one. */
  get priorities(): Priorities | undefined {
    const best = new Map<VerificationStatus, number>();
    for (const { statuses, settings } of this.handlers) {
      if (settings?.priority === undefined) continue;
      for (const status of statuses) best.set(status, Math.min(best.get(status) ?? Infinity, settings.priority));
    }
    return best.size > 0 ? best : undefined;
  }

  /**
   * Returns the ids of the handlers by status, without the statuses that no handler is subscribed to. Never cached,
   * because the event emitter can get another listener at every moment.
   */
  get byStatus(): ReadonlyMap<VerificationStatus, readonly string[]> {
    return new Map(
      verificationStatuses
        .map((status) => [status, this.for(status).map(({ id }) => id)] as const)
        .filter(([, ids]) => ids.length > 0),
    );
  }

  /** Returns a hash of the ids of the handlers by status. */
  get fingerprint(): string {
    const all = [...this.byStatus].map(([status, ids]) => [status, ids.toSorted()]);
    return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, FINGERPRINT_LENGTH);
  }

  /** Tells whether this is the id of a handler of the host, or of the event emitter, with or without listeners. */
  isKnown(id: string): boolean {
    return id === EVENT_EMITTER_HANDLER || this.handlers.some((handler) => handler.id === id);
  }
}

function assertUniqueIds(handlers: readonly VerificationHandler[]): void {
  const known = new Map<string, Partial<VerificationHandler>>([[EVENT_EMITTER_HANDLER, {}]]);
  for (const handler of handlers) {
    const { id, owner, method } = handler;
    const other = known.get(id);
    if (other)
      throw owner && other.owner === owner && other.method === method ? providedTwice(id, owner) : equalIds(id);
    if (id === '' || id.length > MAX_ID_LENGTH || id.includes('\0') || !id.isWellFormed()) {
      throw new Cr3dentialsWebhookError(
        'HANDLER_INVALID',
        `The handler id "${id}" must be text of 1 to ${MAX_ID_LENGTH} characters.`,
      );
    }
    known.set(id, handler);
  }
}

function equalIds(id: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `Two handlers have the id "${id}", under which attempts are remembered. Give one of them another: @OnVerification(…, { id: '…' }).`,
  );
}

/** Its class is in the providers of two modules, or of one that is imported twice with different options. */
function providedTwice(id: string, owner: object): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `${(owner as { name: string }).name} is provided twice, so its handler "${id}" would run twice. Provide it in one module, export it there, and import that module.`,
  );
}
