import { Controller, Get, Inject, Injectable, Module, Param, Post, Body } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { eq, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import {
  Cr3dentialsWebhookInbox,
  Cr3dentialsWebhookModule,
  OnVerification,
  VerificationCompleted,
  VerificationErrored,
  VerificationTerminated,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  type HandlerContext,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { NewAccount } from './accounts.controller.js';
import type { Call } from './accounts.js';
import { database, secret } from './environment.js';
import { Envelope, Public, TokenGuard, adapter, configure } from './global.js';

const handledDeliveries = pgTable('handled_delivery', { deliveryId: text('delivery_id').primaryKey() });
const accountRows = pgTable('account', {
  sessionId: text('session_id').primaryKey(),
  activations: integer('activations'),
});

/** As docs/without-typeorm.md shows it. */
@Injectable()
export class DrizzleAccounts {
  readonly calls: Call[] = [];

  constructor(@Inject('db') readonly db: NodePgDatabase) {}

  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  async activate({ deliveryId, sessionId }: VerificationCompleted, { attempt }: HandlerContext): Promise<void> {
    await this.db.transaction(async (tx) => {
      const isFirst = await tx.insert(handledDeliveries).values({ deliveryId }).onConflictDoNothing().returning();
      if (isFirst.length === 0) return; // done by an earlier run
      const more = { activations: sql`${accountRows.activations} + 1` };
      await tx
        .insert(accountRows)
        .values({ sessionId, activations: 1 })
        .onConflictDoUpdate({ target: accountRows.sessionId, set: more });
    });
    if (attempt === 1) throw new Error('The ledger is closed.'); // after its commit: the next run writes nothing twice
  }

  @OnVerification({ id: 'accounts.note' })
  note(event: VerificationEvent): void {
    const holder = event instanceof VerificationCompleted ? event.extractedData?.accountHolder : undefined;
    this.calls.push({ by: 'note', sessionId: event.sessionId, holder });
  }

  @OnVerification(VerificationErrored, { id: 'accounts.release' })
  release({ sessionId }: VerificationErrored, { attempt }: HandlerContext): void {
    this.calls.push({ by: 'release', sessionId, attempt });
    if (attempt === 1) throw new Error('The ledger is closed.');
  }

  @OnVerification(VerificationTerminated, { id: 'accounts.end' })
  async end({ sessionId }: VerificationTerminated, { attempt, signal }: HandlerContext): Promise<void> {
    if (process.env.HOLD === 'true') {
      console.log(`Holding ${sessionId}`);
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('It has ended.'))));
    }
    this.calls.push({ by: 'end', sessionId, attempt });
  }

  @OnEvent(VerificationCompleted.eventName, { suppressErrors: false })
  listen({ sessionId }: VerificationCompleted): void {
    this.calls.push({ by: 'listen', sessionId });
  }
}

@Controller('accounts')
export class DrizzleController {
  constructor(
    private readonly accounts: DrizzleAccounts,
    private readonly inbox: Cr3dentialsWebhookInbox,
  ) {}

  @Get(':sessionId')
  async find(@Param('sessionId') sessionId: string): Promise<object> {
    const [account] = await this.accounts.db.select().from(accountRows).where(eq(accountRows.sessionId, sessionId));
    return {
      delivery: await this.inbox.find({ sessionId }),
      activations: account?.activations ?? 0,
      calls: this.accounts.calls.filter((call) => call.sessionId === sessionId),
    };
  }

  @Post()
  create(@Body() { sessionId }: NewAccount): { sessionId: string } {
    return { sessionId };
  }
}

/** A host on Drizzle: TypeORM has the inbox alone. */
@Module({
  imports: [
    TypeOrmModule.forRoot({
      ...database(),
      name: 'webhooks',
      entities: [...cr3dentialsWebhookEntities],
      migrations: [...cr3dentialsWebhookMigrations],
      migrationsTableName: 'cr3dentials_webhook_migrations',
      migrationsRun: true,
    }),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      dataSource: 'webhooks',
      auth: { secrets: [secret] },
      controllerDecorators: [Public()],
      processing: { retry: { attempts: 3, initialDelay: 10 }, pollInterval: 20, drainTimeout: 500 },
    }),
  ],
  controllers: [DrizzleController],
  providers: [
    DrizzleAccounts,
    {
      provide: 'db',
      async useFactory(): Promise<NodePgDatabase> {
        const db = drizzle(String(process.env.DATABASE_URL));
        await db.execute(sql`CREATE TABLE IF NOT EXISTS handled_delivery (delivery_id text PRIMARY KEY)`);
        await db.execute(sql`CREATE TABLE IF NOT EXISTS account (session_id text PRIMARY KEY, activations int)`);
        return db;
      },
    },
    { provide: APP_GUARD, useClass: TokenGuard },
    { provide: APP_INTERCEPTOR, useClass: Envelope },
  ],
})
export class DrizzleModule {}

async function bootstrap(): Promise<void> {
  const app = configure(await NestFactory.create(DrizzleModule, adapter(), { rawBody: true }));
  await app.listen(0, '127.0.0.1');
  console.log(`Listening on ${await app.getUrl()}`);
}

void bootstrap();
