import { Injectable } from '@nestjs/common';
import { ContextIdFactory, DiscoveryService, MetadataScanner, ModuleRef, Reflector } from '@nestjs/core';
import type { VerificationStatus } from '../../contract/verification-status.js';
import { SUBSCRIPTION, type Subscription } from './on-verification.decorator.js';
import { eventClasses } from './verification.event.js';
import type { VerificationHandler } from './verification-handler.js';

type Provider = ReturnType<DiscoveryService['getProviders']>[number];
type Method = (...args: unknown[]) => unknown;

/** Finds the `@OnVerification` methods of the host. Call it when all providers are instantiated. */
@Injectable()
export class VerificationHandlersExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
    private readonly moduleRef: ModuleRef,
  ) {}

  /**
   * Yields each subscribed method. An instance with several providers, such as an alias or a factory, is explored once.
   */
  *explore(): Generator<VerificationHandler> {
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

  /**
   * Returns a function that provides the instance. Each run gets its own instance of a request-scoped or transient
   * provider.
   */
  private instanceOf(provider: Provider): () => Promise<Record<string, Method>> | Record<string, Method> {
    if (provider.isDependencyTreeStatic() && !provider.isTransient)
      return () => provider.instance as Record<string, Method>;
    const moduleRef = (provider.host?.getProviderByKey(ModuleRef)?.instance as ModuleRef | undefined) ?? this.moduleRef;
    return () => moduleRef.resolve(provider.token, ContextIdFactory.create(), { strict: false });
  }
}

/**
 * Returns undefined for values, aliases and factories that returned no object. The target of an alias is explored
 * itself.
 */
function prototypeOf({ instance, isAlias }: Provider): Record<string, Method> | undefined {
  if (isAlias || instance === null || typeof instance !== 'object') return undefined;
  return (Object.getPrototypeOf(instance) as Record<string, Method> | null) ?? undefined;
}
