import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import { handlerSets } from './handlers.js';
import { startHost } from './host.module.js';
import { hostSettings } from './host-settings.js';

/** Ends every delivery that only has a run of a handler it does not know, so that the harness can be seen to detect it. */
@Injectable()
class ForgetfulWorker implements OnApplicationBootstrap {
  constructor(private readonly database: DataSource) {}

  onApplicationBootstrap(): void {
    if (hostSettings().handlers === 'usual') void this.run();
  }

  private async run(): Promise<never> {
    for (;;) {
      await this.endForgotten().catch(() => {}); // the database is busy
      await sleep(20);
    }
  }

  private endForgotten(): Promise<unknown> {
    return this.database.query(
      `UPDATE cr3dentials_webhook_delivery_state SET state = 'completed' WHERE state = 'pending' AND EXISTS (
         SELECT 1 FROM cr3dentials_webhook_handler_run r
         WHERE r.delivery_id = cr3dentials_webhook_delivery_state.delivery_id AND r.handler = 'newer' AND r.state = 'pending')`,
    );
  }
}

await startHost(...handlerSets[hostSettings().handlers], ForgetfulWorker);
