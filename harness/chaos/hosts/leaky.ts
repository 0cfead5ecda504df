import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { Effect } from '../../../test/support/app/effects.js';
import { isSlow, nestedPartOf } from './host-settings.js';
import { runPlainHandler, startHost } from './host.module.js';

/** Commits half of an effect and never ends the transaction of the other half, so that the harness can be seen to detect it. */
@Injectable()
class LeakyHandlers {
  readonly #open: unknown[] = [];

  constructor(private readonly database: DataSource) {}

  @OnVerification({ id: 'leaky' })
  async run(event: VerificationEvent, context: HandlerContext): Promise<void> {
    const { sessionId } = event;
    await this.database.manager.insert(Effect, { sessionId });
    if (isSlow(sessionId) && this.#open.length === 0) await this.leak(sessionId);
    else await this.database.manager.insert(Effect, { sessionId: nestedPartOf(sessionId) });
    await runPlainHandler(event, context);
  }

  private async leak(sessionId: string): Promise<void> {
    const runner = this.database.createQueryRunner();
    this.#open.push(runner);
    await runner.startTransaction();
    await runner.manager.insert(Effect, { sessionId: nestedPartOf(sessionId) });
  }
}

await startHost(LeakyHandlers);
