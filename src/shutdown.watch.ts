import { Injectable } from '@nestjs/common';
import { HostHooks } from './host-hooks.js';

/**
 * Hears of the shutdown before any provider of the host does. Nest calls `onModuleDestroy` of the root module first,
 * and hosts close the clients there that handlers need.
 */
@Injectable()
export class ShutdownWatch {
  constructor(private readonly hooks: HostHooks) {}

  /** @param stop is called, and awaited, before each hook, so several times */
  watch(stop: () => Promise<void>): void {
    this.hooks.wrap('onModuleDestroy', async (hook) => {
      await stop();
      return hook();
    });
  }
}
