import { Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers';
import { HostHooks } from './host-hooks.js';

/**
 * Hears when every `onApplicationBootstrap` of the app has ended. Nest calls them module by module, ours in the middle,
 * and hosts make there what handlers need.
 */
@Injectable()
export class BootstrapWatch {
  /** Resolves when the last of them has ended; never when one of them fails, because the app does not boot then. */
  readonly ended: Promise<void>;
  private running = 0;
  private calls = 0;
  private resolve = () => {};

  constructor(private readonly hooks: HostHooks) {
    this.ended = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  /** Begins to watch. Call it before the first of these hooks. */
  watch(): void {
    this.hooks.wrap('onApplicationBootstrap', async (hook) => {
      this.calls++;
      this.running++;
      const result = await hook();
      this.running--;
      // Nest calls the next one, if there is one, in this turn of the event loop.
      const { calls } = this;
      setImmediate(() => this.endUnlessCalledSince(calls));
      return result;
    });
  }

  private endUnlessCalledSince(call: number): void {
    if (this.calls === call && this.running === 0) this.resolve();
  }
}
