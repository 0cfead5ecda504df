import { Inject, Injectable } from '@nestjs/common';
import { RECEIVING_SETTINGS, type ReceivingSettings } from './inbox/receiving.options.js';
import { Instrumentation } from './instrumentation/instrumentation.js';
import type { VerificationHandler } from './processing/handlers/verification-handler.js';
import { PROCESSING_SETTINGS, type ProcessingSettings } from './processing/processing.options.js';

/** Lowest plausible timeout. A lower value was probably meant as seconds. */
const PLAUSIBLE_TIMEOUT_MS = 100;
/** Time that the provider waits for an answer, unless the portal says otherwise. */
const PORTAL_TIMEOUT_MS = 30_000;

/** Warns of durations that are valid, but probably a mistake. */
@Injectable()
export class DurationWarnings {
  constructor(
    @Inject(RECEIVING_SETTINGS) private readonly receiving: ReceivingSettings,
    @Inject(PROCESSING_SETTINGS) private readonly processing: ProcessingSettings,
    private readonly instrumentation: Instrumentation,
  ) {}

  warn(): void {
    const { ackTimeout } = this.receiving;
    const { handlerTimeout, drainTimeout } = this.processing;
    this.warnOfSeconds('receiving.ackTimeout', ackTimeout);
    this.warnOfSeconds('processing.handlerTimeout', handlerTimeout);
    if (drainTimeout > 0) this.warnOfSeconds('processing.drainTimeout', drainTimeout);
    if (ackTimeout > PORTAL_TIMEOUT_MS) this.announce('receiving.ackTimeout', ackTimeout, 'long');
  }

  /** @param handlers those that have settings of their own */
  warnOfHandlers(handlers: readonly VerificationHandler[]): void {
    for (const { id, settings } of handlers)
      if (settings?.timeout) this.warnOfSeconds(`timeout" of the handler "${id}`, settings.timeout);
  }

  private warnOfSeconds(name: string, ms: number): void {
    if (ms < PLAUSIBLE_TIMEOUT_MS) this.announce(name, ms, 'short');
  }

  private announce(option: string, ms: number, problem: 'short' | 'long'): void {
    this.instrumentation.announce('duration-suspect', { option, ms, problem });
  }
}
