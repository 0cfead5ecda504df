import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

type HookName = 'onApplicationBootstrap' | 'onModuleDestroy';
type Hook = (...args: unknown[]) => unknown;

/** The lifecycle hooks of all providers of the app. Nest has none that comes before or after the others. */
@Injectable()
export class HostHooks {
  constructor(private readonly modules: ModulesContainer) {}

  /**
   * Wraps a hook of each instance on which Nest may call it, until it is called.
   *
   * @param around is called in place of the hook, and calls it
   */
  wrap(name: HookName, around: (hook: () => unknown) => unknown): void {
    for (const instance of new Set(this.instances())) wrapHook(instance, name, around);
  }

  private *instances(): Generator<object> {
    for (const { providers, controllers, injectables, middlewares } of this.modules.values())
      for (const collection of [providers, controllers, injectables, middlewares])
        for (const wrapper of collection.values()) {
          if (wrapper.isAlias) continue;
          const transient = wrapper.isTransient ? wrapper.getStaticTransientInstances() : [];
          for (const instance of [wrapper.instance, ...transient.map((one) => one?.instance)] as unknown[])
            if (instance !== null && typeof instance === 'object') yield instance;
        }
  }
}

/** Functions that put a hook back, by the function that is in its place. */
const restorers = new WeakMap<object, () => void>();

/**
 * Nest calls a hook once. It is put back then: an object may be a value of several apps, one after the other. A value
 * of two apps at once is left alone, because nobody can tell whose hook is called.
 */
function wrapHook(instance: object, name: HookName, around: (hook: () => unknown) => unknown): void {
  const hook = hookOf(instance, name);
  if (!hook) return;
  const descriptor = Object.getOwnPropertyDescriptor(instance, name);
  const restore = descriptor && restorers.get(hook);
  if (restore) return restore();
  const putBack = (): void => {
    if (descriptor) Reflect.defineProperty(instance, name, descriptor);
    else Reflect.deleteProperty(instance, name);
  };
  const wrapped: Hook = function (this: unknown, ...args) {
    putBack();
    return around(() => hook.apply(this, args));
  };
  restorers.set(wrapped, putBack);
  // Fails without harm on a frozen instance: its hook stays as it is.
  Reflect.defineProperty(instance, name, {
    configurable: true,
    writable: true,
    enumerable: false,
    value: wrapped,
  });
}

/** Returns undefined for a proxy that throws, as those for the values of a request do. */
function hookOf(instance: object, name: HookName): Hook | undefined {
  try {
    const hook: unknown = Reflect.get(instance, name);
    return typeof hook === 'function' ? (hook as Hook) : undefined;
  } catch {
    return undefined;
  }
}
