import { Injectable, Logger } from '@nestjs/common';
import { Cr3dentialsWebhookInbox, OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';

@Injectable()
export class Accounts {
  private readonly logger = new Logger(Accounts.name);
  /** Session ids by tenant. */
  readonly activated = new Map<string, string[]>();

  constructor(private readonly inbox: Cr3dentialsWebhookInbox) {}

  /** Two tenants may have the same session id. The delivery names the tenant. */
  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  async activate({ deliveryId, sessionId }: VerificationCompleted): Promise<void> {
    const delivery = await this.inbox.find(deliveryId);
    if (!delivery) throw new Error(`Delivery ${deliveryId} is gone.`);
    const { tenant } = delivery;
    this.activated.set(tenant, [...(this.activated.get(tenant) ?? []), sessionId]);
    this.logger.log(`Activated the account of session ${sessionId} for ${tenant}`);
  }
}
