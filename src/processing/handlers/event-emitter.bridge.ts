import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner, ModuleRef } from '@nestjs/core';
import { EventEmitter2, EventEmitterReadinessWatcher, OnEvent } from '@nestjs/event-emitter';
import type { VerificationStatus } from '../../contract/verification-status.js';
import { Instrumentation } from '../../instrumentation/instrumentation.js';
import { toSingleLine } from '../../instrumentation/single-line.js';
import { eventClasses, withReadonlyFields, type VerificationEvent } from './verification.event.js';
import type { VerificationHandler } from './verification-handler.js';

/** Id of the single handler that stands for all listeners of `EventEmitter2`. */
export const EVENT_EMITTER_HANDLER = 'event-emitter';

interface Listener {
  readonly event: unknown;
  readonly options?: { suppressErrors?: boolean; async?: boolean; nextTick?: boolean; promisify?: boolean };
}

/** Emits each event with `EventEmitter2`, for listeners that use `@OnEvent`. */
@Injectable()
export class EventEmitterBridge {
  private emitter?: EventEmitter2;

  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly instrumentation: Instrumentation,
  ) {}

  /**
   * Finds the host's event emitter and waits until its listeners are registered. Logs a warning about each listener
   * whose errors would be lost.
   */
  async connect(): Promise<void> {
    this.emitter = this.find(EventEmitter2);
    for (const name of this.listenersThatLoseFailures()) {
      this.instrumentation.announce('listener-unsafe', { listener: name });
    }
    await this.find(EventEmitterReadinessWatcher)
      ?.waitUntilReady()
      .catch((error: unknown) => this.instrumentation.announce('event-emitter-failed', { error: toSingleLine(error) }));
  }

  /**
   * Returns a handler that emits the event, or undefined when the status has no listener. The handler ends when all
   * listeners have, and fails when one of them does.
   */
  handlerFor(status: VerificationStatus): VerificationHandler | undefined {
    const { emitter } = this;
    const { eventName } = eventClasses[status];
    if (!emitter || !(emitter.hasListeners(eventName) || emitter.listenersAny().length > 0)) return undefined;
    return {
      id: EVENT_EMITTER_HANDLER,
      transactional: false,
      statuses: new Set([status]),
      // One event for all listeners: none changes what another gets.
      handle: (event) => callListeners(emitter, eventName, withReadonlyFields(event)),
    };
  }

  private find<T>(token: new (...args: never[]) => T): T | undefined {
    try {
      return this.moduleRef.get(token, { strict: false });
    } catch {
      return undefined; // the host does not import EventEmitterModule
    }
  }

  private *listenersThatLoseFailures(): Generator<string> {
    for (const { instance, isAlias, metatype } of [
      ...this.discovery.getProviders(),
      ...this.discovery.getControllers(),
    ]) {
      const prototype =
        !isAlias && instance && typeof instance === 'object' ? Object.getPrototypeOf(instance) : undefined;
      if (!prototype) continue;
      for (const method of this.scanner.getAllMethodNames(prototype)) {
        if (listenersOf(prototype[method]).some((listener) => isOurs(listener) && losesFailures(listener))) {
          yield `${metatype?.name ?? 'A listener'}.${method}`;
        }
      }
    }
  }
}

/**
 * Returns the metadata that `@OnEvent` wrote on a method. Reads the metadata key from a probe, because not every
 * version exports it.
 */
function listenersOf(method: object): Listener[] {
  const probe = { value: () => {} };
  OnEvent('probe')({}, 'probe', probe);
  const [key] = Reflect.getMetadataKeys(probe.value) as string[];
  const found = (key && Reflect.getMetadata(key, method)) as Listener | Listener[] | undefined;
  return found === undefined ? [] : [found].flat();
}

/**
 * Calls the listeners in the order of `emitAsync()`, and returns a promise for each. `emitAsync()` itself ends with the
 * first failure, while the others go on.
 */
function callListeners(emitter: EventEmitter2, name: string, event: VerificationEvent): Promise<unknown>[] {
  const call = async (listener: (...args: unknown[]) => unknown, args: unknown[]) => {
    Object.assign(emitter, { event: name }); // as listeners see it in this.event
    return listener.apply(emitter, args);
  };
  return [
    ...emitter.listenersAny().map((listener) => call(listener, [name, event])),
    ...emitter.listeners(name).map((listener) => call(listener, [event])),
  ];
}

function isOurs({ event }: Listener): boolean {
  if (typeof event !== 'string' && !Array.isArray(event)) return false;
  const scratch = new EventEmitter2({ wildcard: true });
  scratch.on(event, () => {});
  return Object.values(eventClasses).some(({ eventName }) => scratch.hasListeners(eventName));
}

function losesFailures({ options }: Listener): boolean {
  const isDetached = (options?.async || options?.nextTick) && !options.promisify;
  return options?.suppressErrors !== false || Boolean(isDetached);
}
