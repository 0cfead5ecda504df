import { Injectable } from '@nestjs/common';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { ownHandlers } from '../instance-reports/own.handlers.js';
import { VerificationHandlersRegistry } from '../processing/handlers/verification-handlers.registry.js';
import { Instances } from './instances.js';
import type { Instance, InstanceHandler } from './instance.view.js';

/** Knows the handlers of this instance, and those that live instances say they have. */
@Injectable()
export class HandlerCatalogue {
  constructor(
    private readonly registry: VerificationHandlersRegistry,
    private readonly instances: Instances,
  ) {}

  /** Returns handlers by id. */
  async all(): Promise<ReadonlyMap<string, InstanceHandler>> {
    return this.among(await this.instances.list());
  }

  /** Returns the handlers of live ones among these instances, and of this instance, by id. */
  among(instances: readonly Instance[]): ReadonlyMap<string, InstanceHandler> {
    const published = instances.filter(({ state }) => state === 'live').flatMap(({ handlers }) => handlers);
    return new Map([...published, ...this.own()].map((handler) => [handler.id, handler]));
  }

  /** Returns the handlers of this instance. */
  own(): InstanceHandler[] {
    return ownHandlers(this.registry);
  }

  /**
   * Checks the ids of handlers. Other instances are asked for those that this one has not.
   *
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID` when no live instance has one of them, or when there are none
   */
  async assertKnown(ids: readonly string[]): Promise<void> {
    if (ids.length > 0 && ids.every((id) => this.registry.isKnown(id))) return;
    const known = await this.all();
    const missing = ids.find((id) => !known.has(id) && !this.registry.isKnown(id));
    if (ids.length > 0 && missing === undefined) return;
    throw new Cr3dentialsWebhookError(
      'HANDLER_INVALID',
      `No live instance has a handler "${missing ?? ''}". Name one of ${[...known.keys()].join(', ') || 'those of an instance, and start one'}.`,
    );
  }
}
