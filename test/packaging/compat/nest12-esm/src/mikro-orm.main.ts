import { Injectable, type OnModuleInit } from '@nestjs/common';
import { EntitySchema, MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import { Ledger, TABLES, bootstrap } from './without-typeorm.js';

class HandledDelivery {
  deliveryId!: string;
}
class Account {
  sessionId!: string;
  activations!: number;
}

const entities = [
  new EntitySchema({
    class: HandledDelivery,
    tableName: 'handled_delivery',
    properties: { deliveryId: { type: 'text', primary: true } },
  }),
  new EntitySchema({
    class: Account,
    tableName: 'account',
    properties: { sessionId: { type: 'text', primary: true }, activations: { type: 'integer' } },
  }),
];

@Injectable()
class MikroOrmLedger extends Ledger implements OnModuleInit {
  private orm!: MikroORM;
  private em!: EntityManager;

  async onModuleInit(): Promise<void> {
    this.orm = await MikroORM.init({ clientUrl: String(process.env.DATABASE_URL), entities });
    this.em = this.orm.em;
    for (const table of TABLES) await this.em.getConnection().execute(table);
  }

  override async activate(deliveryId: string, sessionId: string): Promise<void> {
    await this.em.fork().transactional(async (em) => {
      if (await em.findOne(HandledDelivery, { deliveryId })) return; // done by an earlier run
      await em.insert(HandledDelivery, { deliveryId });
      const account = await em.findOne(Account, { sessionId });
      if (account) account.activations++;
      else await em.insert(Account, { sessionId, activations: 1 });
    });
  }

  override async activationsOf(sessionId: string): Promise<number> {
    const account = await this.em.fork().findOne(Account, { sessionId });
    return account?.activations ?? 0;
  }

  override onApplicationShutdown(): Promise<unknown> {
    return this.orm.close();
  }
}

void bootstrap(MikroOrmLedger);
