import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Clock } from '../clock.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import { TelemetryHooks } from '../instrumentation/telemetry.hooks.js';
import { ENCRYPTION_SETTINGS, type EncryptionSettings } from './encryption.options.js';
import { KeyRepository } from './key.repository.js';
import { KeySource } from './key.source.js';

const INTERVAL_MS = 60_000;

/** Warns at boot of keys that are missing, and notes once a minute which keys are used. */
@Injectable()
export class KeyUses implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer?: NodeJS.Timeout;

  constructor(
    @Inject(ENCRYPTION_SETTINGS) private readonly settings: EncryptionSettings,
    @Inject(KeySource) private readonly keys: KeySource,
    private readonly repository: KeyRepository,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly telemetry: TelemetryHooks,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.settings.isConfigured) return;
    this.#timer = this.telemetry.inBackground(() => setInterval(() => void this.note(), INTERVAL_MS).unref());
    if (this.keys.hasTenants) return;
    if (this.keys.current('') === null) this.instrumentation.announce('sealing-off', {});
    const registered = await this.telemetry.inBackground(() => this.repository.list('').catch(() => []));
    for (const { id, isRetired } of registered)
      if (!isRetired && !this.keys.mayHave(id)) this.instrumentation.announce('key-unknown', { keyId: id });
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.telemetry.inBackground(() => this.note());
  }

  /**
   * Writes which keys were used since the last call. Never rejects: it is only for the eyes of an operator. Stops at
   * the first error, so that a shutdown waits for a silent database only once.
   */
  async note(): Promise<void> {
    try {
      for (const { id, tenant } of this.keys.takeUsed()) await this.repository.touch(id, tenant, this.clock.now());
    } catch {
      // noted with the next use
    }
  }
}
