import { Injectable, Logger } from '@nestjs/common';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';

@Injectable()
export class Accounts {
  private readonly logger = new Logger(Accounts.name);
  /** Session ids by tenant. */
  readonly activated = new Map<string, string[]>();

  /** Two tenants may have the same session id. */
  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  activate({ tenant, sessionId }: VerificationCompleted): void {
    this.activated.set(tenant, [...(this.activated.get(tenant) ?? []), sessionId]);
    this.logger.log(`Activated the account of session ${sessionId} for ${tenant}`);
  }
}
