import { Injectable } from '@nestjs/common';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import { DataSource } from 'typeorm';
import { Effect } from '../../support/app/effects.js';
import { serve, witness } from './host.module.js';

/** Does what the module's documentation warns of: a harness that does not notice measures nothing. */
@Injectable()
class CarelessHandlers {
  constructor(private readonly database: DataSource) {}

  /** Its effect is not in the transaction, and it ends a delivery whether or not it still has the lease. */
  @OnVerification({ id: 'careless' })
  async run(event: VerificationEvent, context: HandlerContext): Promise<void> {
    await this.database.manager.insert(Effect, { sessionId: event.sessionId });
    await witness(event, context);
    const id = this.database.driver.escape('id');
    await this.database.query(
      `UPDATE cr3dentials_webhook_delivery SET state = 'completed', lease_owner = NULL WHERE ${id} = '${event.deliveryId}'`,
    );
  }
}

await serve(CarelessHandlers);
