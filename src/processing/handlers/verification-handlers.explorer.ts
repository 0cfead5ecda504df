import { Inject, Injectable } from '@nestjs/common';
import { ContextIdFactory, DiscoveryService, ModuleRef } from '@nestjs/core';
import { Cr3dentialsWebhookError } from '../../cr3dentials-webhook.error.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from '../processing.options.js';
import { handlerSettings } from './handler.options.js';
import { subscribedMethods, type SubscribedMethod } from './subscribed-methods.js';
import type { VerificationHandler } from './verification-handler.js';

type Provider = ReturnType<DiscoveryService['getProviders']>[number];
type Method = (...args: unknown[]) => unknown;
type Instance = Record<PropertyKey, unknown>;

/** Length up to which the name of a class was given by a bundler. */
const MAX_MINIFIED_LENGTH = 2;
/** A name as bundlers give it: three characters; or a small first letter; or a digit at the end. */
const RENAMED = /^.{3}$|^[a-z_$]|\d$/;

/** Finds the `@OnVerification` methods of the host. Call it when all providers are instantiated. */
@Injectable()
export class VerificationHandlersExplorer {
  readonly #warnedOf = new Set<string>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly moduleRef: ModuleRef,
    private readonly instrumentation: Instrumentation,
    @Inject(PROCESSING_SETTINGS) private readonly settings: ProcessingSettings,
  ) {}

  /**
   * Yields each subscribed method. An instance with several providers, such as an alias or a factory, is explored once.
   *
   * @throws Cr3dentialsWebhookError `HANDLER_INVALID` for a subscription that would never be called
   */
  *explore(): Generator<VerificationHandler> {
    const seen = new Map<unknown, Set<string>>();
    for (const provider of [...this.discovery.getProviders(), ...this.discovery.getControllers()]) {
      const { instance } = provider;
      const known = (isObject(instance) && seen.get(instance)) || new Set<string>();
      if (isObject(instance)) seen.set(instance, known);
      for (const subscribed of prototypesOf(provider).flatMap(subscribedMethods)) {
        if (known.has(keyOf(subscribed))) continue;
        known.add(keyOf(subscribed));
        yield this.handler(provider, subscribed);
      }
    }
  }

  private handler(provider: Provider, subscribed: SubscribedMethod): VerificationHandler {
    const { id, isDefaultId, className, owner, method, transactional, statuses } = subscribed;
    if (isDefaultId && className.length <= MAX_MINIFIED_LENGTH) throw minified(id);
    if (isDefaultId && RENAMED.test(className)) this.warnOf(id);
    if (isStatic(provider)) methodOf(provider.instance, subscribed);
    const instance = this.instanceOf(provider);
    return {
      id,
      owner,
      method,
      transactional,
      statuses,
      settings: handlerSettings(subscribed.options, this.settings, `${className}.${String(method)}`),
      handle(event, context) {
        const target = instance();
        const call = (on: Instance) => methodOf(on, subscribed).call(on, event, context);
        return target instanceof Promise ? target.then(call) : call(target);
      },
    };
  }

  /** A handler of another class would have this id after the next build. */
  private warnOf(handler: string): void {
    if (this.#warnedOf.has(handler)) return;
    this.#warnedOf.add(handler);
    this.instrumentation.announce('handler-id-unstable', { handler });
  }

  /**
   * Returns a function that provides the instance. Each run gets its own instance of a request-scoped or transient
   * provider.
   */
  private instanceOf(provider: Provider): () => Promise<Instance> | Instance {
    if (isStatic(provider)) return () => provider.instance as Instance;
    const moduleRef = (provider.host?.getProviderByKey(ModuleRef)?.instance as ModuleRef | undefined) ?? this.moduleRef;
    return () => moduleRef.resolve(provider.token, ContextIdFactory.create(), { strict: false });
  }
}

function isStatic(provider: Provider): boolean {
  return provider.isDependencyTreeStatic() && !provider.isTransient;
}

/**
 * Returns the prototypes on which the subscriptions of a provider are written: of its instance, and of the class that
 * it is provided for. The second counts for what replaces the class, such as a double in a test, and for what a factory
 * makes for each request.
 */
function prototypesOf({ instance, isAlias, token }: Provider): object[] {
  const instancePrototype = isObject(instance) ? (Object.getPrototypeOf(instance) as object | null) : null;
  const found = instancePrototype && !isAlias ? [instancePrototype] : [];
  const provided: unknown = typeof token === 'function' ? token.prototype : undefined;
  const isCovered = (prototype: object) =>
    isObject(instance) && Object.prototype.isPrototypeOf.call(prototype, instance);
  return isObject(provided) && !isCovered(provided) ? [...found, provided] : found;
}

/** @throws Cr3dentialsWebhookError `HANDLER_INVALID` when there is no such method */
function methodOf(instance: unknown, { method, className }: SubscribedMethod): Method {
  const found = isObject(instance) ? (instance as Instance)[method] : undefined;
  if (typeof found === 'function') return found as Method;
  throw new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `${className}.${String(method)} is subscribed with @OnVerification, but what is provided for ${className} has no such method. Add the method to it.`,
  );
}

function minified(id: string): Cr3dentialsWebhookError {
  return new Cr3dentialsWebhookError(
    'HANDLER_INVALID',
    `A bundler has shortened the name of a class, and the handler "${id}" is named after it. The next build would give its id, and its attempts, to another. Name it: @OnVerification(…, { id: '…' }). Or let the bundler keep the names of classes.`,
  );
}

/** One method may have several subscriptions, each with its own id. */
function keyOf({ id, method }: SubscribedMethod): string {
  return `${String(method)} ${id}`;
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}
