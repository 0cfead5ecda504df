import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { Effect } from '../../../test/support/app/effects.js';
import { runPlainHandler, startHost } from './host.module.js';

/** Does what the module's documentation warns of, so that the harness can be seen to detect it. */
@Injectable()
class BrokenHandlers {
  constructor(private readonly database: DataSource) {}

  /** Its effect is not in the transaction, and it ends a delivery whether or not it still has the lease. */
  @OnVerification({ id: 'broken' })
  async run(event: VerificationEvent, context: HandlerContext): Promise<void> {
    await this.database.manager.insert(Effect, { sessionId: event.sessionId });
    await runPlainHandler(event, context);
    const id = this.database.driver.escape('delivery_id');
    await this.database.query(
      `UPDATE cr3dentials_webhook_delivery_state SET state = 'completed', claim_id = NULL WHERE ${id} = '${event.deliveryId}'`,
    );
  }
}

await startHost(BrokenHandlers);
