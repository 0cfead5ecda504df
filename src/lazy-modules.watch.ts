import { Injectable } from '@nestjs/common';
import { LazyModuleLoader, ModuleRef } from '@nestjs/core';

/** Hears of modules that the host loads lazily. Nest calls no lifecycle hook for them, so `load()` is wrapped. */
@Injectable()
export class LazyModulesWatch {
  constructor(private readonly moduleRef: ModuleRef) {}

  /**
   * @param listener is called when a module has been loaded, before the host goes on; its error is thrown to the host
   */
  watch(listener: () => void): void {
    const loader = this.moduleRef.get(LazyModuleLoader, { strict: false });
    const load = loader.load.bind(loader);
    loader.load = async (...args: Parameters<LazyModuleLoader['load']>) => {
      const loaded = await load(...args);
      listener();
      return loaded;
    };
  }
}
