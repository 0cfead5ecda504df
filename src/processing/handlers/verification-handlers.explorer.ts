import { Injectable } from '@nestjs/common';
import { ContextIdFactory, DiscoveryService, MetadataScanner, ModuleRef, Reflector } from '@nestjs/core';
import { verificationStatuses, type VerificationStatus } from '../../contract/verification-status.js';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { EVENT_EMITTER_HANDLER, EventEmitterBridge } from './event-emitter.bridge.js';
import { SUBSCRIPTION, type Subscription } from './on-verification.decorator.js';
import { eventClasses } from './verification.event.js';
import type { VerificationHandler } from './verification-handler.js';

type Provider = ReturnType<DiscoveryService['getProviders']>[number];
type Method = (...args: unknown[]) => unknown;

const MAX_ID_LENGTH = 255;

/** Finds the `@OnVerification` methods of the host, once, when everything is instantiated. */
@Injectable()
export class VerificationHandlers {
  private handlers: VerificationHandler[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
    private readonly moduleRef: ModuleRef,
    private readonly bridge: EventEmitterBridge,
  ) {}

  /** @throws Cr3dentialsWebhookError `HANDLER_INVALID` */
  explore(): void {
    this.handlers = [...this.discover()];
    assertUniqueIds(this.handlers);
  }

  /** The handlers that a delivery of this status must reach. */
  for(status: VerificationStatus): VerificationHandler[] {
    const subscribed = this.handlers.filter(({ statuses }) => statuses.has(status));
    const bridge = this.bridge.handlerFor(status);
    return bridge ? [...subscribed, bridge] : subscribed;
  }

  /** Whether nothing in this application is subscribed to any status. */
  get isEmpty(): boolean {
    return this.handlers.length === 0 && this.byStatus.size === 0;
  }

  /** The ids of the handlers for each status that has any. The event emitter may get its listeners at any time. */
  get byStatus(): ReadonlyMap<VerificationStatus, readonly string[]> {
    return new Map(
      verificationStatuses
        .map((status) => [status, this.for(status).map(({ id }) => id)] as const)
        .filter(([, ids]) => ids.length > 0),
    );
  }

  /** @throws Cr3dentialsWebhookError `HANDLER_INVALID` when one of them is not subscribed, or when there are none */
  assertKnown(ids: readonly string[]): void {
    const known = [...this.handlers.map(({ id }) => id), EVENT_EMITTER_HANDLER];
    const missing = ids.find((id) => !known.includes(id));
    if (ids.length > 0 && missing === undefined) return;
    throw new Cr3dentialsWebhookError(
      'HANDLER_INVALID',
      `No handler "${missing ?? ''}" is subscribed. Name one of ${known.join(', ')}.`,
    );
  }

  /** An instance that is provided twice, as by an alias or a factory, is one subscriber. */
  private *discover(): Generator<VerificationHandler> {
    const seen = new Set<unknown>();
    for (const provider of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const prototype = prototypeOf(provider);
      if (!prototype || seen.has(provider.instance)) continue;
      seen.add(provider.instance);
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const method = prototype[name];
        const subscription = method && this.reflector.get<Subscription | undefined>(SUBSCRIPTION, method);
        if (subscription) yield this.handler(provider, prototype, name, subscription);
      }
    }
  }

  private handler(
    provider: Provider,
    prototype: object,
    method: string,
    subscription: Subscription,
  ): VerificationHandler {
    const { id, transactional = false, classes } = subscription;
    const statuses = Object.entries(eventClasses).filter(([, eventClass]) => classes.some((one) => one === eventClass));
    const instance = this.instanceOf(provider);
    return {
      id: id ?? `${prototype.constructor.name}.${method}`,
      transactional,
      statuses: new Set(statuses.map(([status]) => status as VerificationStatus)),
      handle(event, context) {
        const target = instance();
        const call = (on: Record<string, Method>) => on[method]?.(event, context);
        return target instanceof Promise ? target.then(call) : call(target);
      },
    };
  }

  /** A request-scoped or transient provider has no instance of its own: each run gets one. */
  private instanceOf(provider: Provider): () => Promise<Record<string, Method>> | Record<string, Method> {
    if (provider.isDependencyTreeStatic() && !provider.isTransient)
      return () => provider.instance as Record<string, Method>;
    const moduleRef = (provider.host?.getProviderByKey(ModuleRef)?.instance as ModuleRef | undefined) ?? this.moduleRef;
    return () => moduleRef.resolve(provider.token, ContextIdFactory.create(), { strict: false });
  }
}

/** Nothing for values, aliases (their target is found itself) and factories that made no object. */
function prototypeOf({ instance, isAlias }: Provider): Record<string, Method> | undefined {
  if (isAlias || instance === null || typeof instance !== 'object') return undefined;
  return (Object.getPrototypeOf(instance) as Record<string, Method> | null) ?? undefined;
}

function assertUniqueIds(handlers: readonly VerificationHandler[]): void {
  const ids = new Set<string>([EVENT_EMITTER_HANDLER]);
  for (const { id } of handlers) {
    if (ids.has(id)) {
      throw new Cr3dentialsWebhookError(
        'HANDLER_INVALID',
        `Two handlers have the id "${id}", under which attempts are remembered. Give one of them another: @OnVerification(…, { id: '…' }).`,
      );
    }
    if (id === '' || id.length > MAX_ID_LENGTH || id.includes('\0') || !id.isWellFormed()) {
      throw new Cr3dentialsWebhookError(
        'HANDLER_INVALID',
        `The handler id "${id}" must be text of 1 to ${MAX_ID_LENGTH} characters.`,
      );
    }
    ids.add(id);
  }
}
