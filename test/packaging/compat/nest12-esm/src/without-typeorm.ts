import {
  Body,
  Controller,
  Get,
  Injectable,
  Module,
  Param,
  Post,
  type DynamicModule,
  type OnApplicationShutdown,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
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

/** What a library other than TypeORM writes for the host. */
export abstract class Ledger implements OnApplicationShutdown {
  /** Activates once for each delivery, in one transaction of its own. */
  abstract activate(deliveryId: string, sessionId: string): Promise<void>;
  abstract activationsOf(sessionId: string): Promise<number>;
  abstract onApplicationShutdown(): Promise<unknown>;
}

export const TABLES = [
  'CREATE TABLE IF NOT EXISTS handled_delivery (delivery_id text PRIMARY KEY)',
  'CREATE TABLE IF NOT EXISTS account (session_id text PRIMARY KEY, activations int)',
];

/** As docs/without-typeorm.md shows it. */
@Injectable()
export class LedgerAccounts {
  readonly calls: Call[] = [];

  constructor(readonly ledger: Ledger) {}

  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  async activate({ deliveryId, sessionId }: VerificationCompleted, { attempt }: HandlerContext): Promise<void> {
    await this.ledger.activate(deliveryId, sessionId);
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
export class LedgerController {
  constructor(
    private readonly accounts: LedgerAccounts,
    private readonly inbox: Cr3dentialsWebhookInbox,
  ) {}

  @Get(':sessionId')
  async find(@Param('sessionId') sessionId: string): Promise<object> {
    return {
      delivery: await this.inbox.find({ sessionId }),
      activations: await this.accounts.ledger.activationsOf(sessionId),
      calls: this.accounts.calls.filter((call) => call.sessionId === sessionId),
    };
  }

  @Post()
  create(@Body() { sessionId }: NewAccount): { sessionId: string } {
    return { sessionId };
  }
}

/** A host whose TypeORM has the inbox alone. */
@Module({})
class HostModule {
  static on(ledger: Type<Ledger>): DynamicModule {
    return {
      module: HostModule,
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
      controllers: [LedgerController],
      providers: [
        LedgerAccounts,
        { provide: Ledger, useClass: ledger },
        { provide: APP_GUARD, useClass: TokenGuard },
        { provide: APP_INTERCEPTOR, useClass: Envelope },
      ],
    };
  }
}

export async function bootstrap(ledger: Type<Ledger>): Promise<void> {
  const app = configure(await NestFactory.create(HostModule.on(ledger), adapter(), { rawBody: true }));
  await app.listen(0, '127.0.0.1');
  console.log(`Listening on ${await app.getUrl()}`);
}
