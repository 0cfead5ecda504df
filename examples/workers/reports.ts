import { Injectable, Logger } from '@nestjs/common';
import { OnVerification, VerificationCompleted, type HandlerContext } from 'nestjs-cr3dentials-webhook';
import { setTimeout as sleep } from 'node:timers/promises';

@Injectable()
export class Reports {
  private readonly logger = new Logger(Reports.name);

  /** Heavy work, two at a time in each worker. The other handlers go on meanwhile. */
  @OnVerification(VerificationCompleted, { id: 'reports.render', concurrency: 2, timeout: 300_000 })
  async render({ sessionId }: VerificationCompleted, { signal }: HandlerContext): Promise<void> {
    await sleep(Number(process.env.RENDERING_MS ?? 2_000), undefined, { signal });
    this.logger.log(`Process ${process.pid} rendered the report of session ${sessionId}`);
  }
}
