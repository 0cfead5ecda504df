import { Injectable, type OnModuleInit } from '@nestjs/common';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { Ledger, TABLES, bootstrap } from './without-typeorm.js';

const handledDeliveries = pgTable('handled_delivery', { deliveryId: text('delivery_id').primaryKey() });
const accounts = pgTable('account', {
  sessionId: text('session_id').primaryKey(),
  activations: integer('activations'),
});

@Injectable()
class DrizzleLedger extends Ledger implements OnModuleInit {
  private readonly db = drizzle(String(process.env.DATABASE_URL));

  async onModuleInit(): Promise<void> {
    for (const table of TABLES) await this.db.execute(sql.raw(table));
  }

  override async activate(deliveryId: string, sessionId: string): Promise<void> {
    await this.db.transaction(async (tx) => {
      const isFirst = await tx.insert(handledDeliveries).values({ deliveryId }).onConflictDoNothing().returning();
      if (isFirst.length === 0) return; // done by an earlier run
      const more = { activations: sql`${accounts.activations} + 1` };
      await tx
        .insert(accounts)
        .values({ sessionId, activations: 1 })
        .onConflictDoUpdate({ target: accounts.sessionId, set: more });
    });
  }

  override async activationsOf(sessionId: string): Promise<number> {
    const [account] = await this.db.select().from(accounts).where(eq(accounts.sessionId, sessionId));
    return account?.activations ?? 0;
  }

  override onApplicationShutdown(): Promise<unknown> {
    return this.db.$client.end();
  }
}

void bootstrap(DrizzleLedger);
