import { Injectable, Module, type DynamicModule, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { CommandBus, CommandHandler, CqrsModule, type ICommandHandler } from '@nestjs/cqrs';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { SkipThrottle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ClsModule, ClsService } from 'nestjs-cls';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { Account } from './account.entity.js';
import { AccountsController } from './accounts.controller.js';
import { Accounts } from './accounts.js';
import { database, secret } from './environment.js';
import { Envelope, Public, TokenGuard } from './global.js';
import { Accounts1795392000001 } from './migrations/1795392000001-accounts.js';

export class Tell {
  constructor(readonly event: VerificationEvent) {}
}

@CommandHandler(Tell)
export class TellHandler implements ICommandHandler<Tell> {
  constructor(private readonly cls: ClsService) {}

  async execute({ event }: Tell): Promise<void> {
    if (this.cls.get('session') !== event.sessionId) throw new Error('The context is of another session.');
  }
}

/** Sends a command in a context of its own, as a host with CQRS and nestjs-cls does. */
@Injectable()
export class Teller {
  constructor(
    private readonly commands: CommandBus,
    private readonly cls: ClsService,
  ) {}

  @OnVerification({ id: 'teller' })
  tell(event: VerificationEvent): Promise<unknown> {
    if (this.cls.isActive()) throw new Error('A handler runs in the context of a request.');
    return this.cls.run(() => {
      this.cls.set('session', event.sessionId);
      return this.commands.execute(new Tell(event));
    });
  }
}

/** Limits the webhook's route alone, unless it is let through: the test asks the host's own routes as often as it likes. */
@Injectable()
export class WebhookThrottler extends ThrottlerGuard {
  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    return !context.switchToHttp().getRequest<{ url: string }>().url.includes('/webhook/');
  }
}

/** What many hosts have at once, and more of it where it exists for this Nest. */
@Module({
  imports: [
    ClsModule.forRoot({ global: true, middleware: { mount: true, generateId: true } }),
    CqrsModule.forRoot(),
    // Less than the provider sends: the route must be let through.
    ThrottlerModule.forRoot([{ ttl: 60_000, limit: 1 }]),
    TypeOrmModule.forRoot({
      ...database(),
      entities: [Account, ...cr3dentialsWebhookEntities],
      migrations: [Accounts1795392000001, ...cr3dentialsWebhookMigrations],
      migrationsRun: true,
    }),
    TypeOrmModule.forFeature([Account]),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRoot({
      auth: { secrets: [secret] },
      controllerDecorators: [Public(), SkipThrottle()],
      processing: { retry: { attempts: 3, initialDelay: 10 }, pollInterval: 20, drainTimeout: 500 },
    }),
  ],
  controllers: [AccountsController],
  providers: [
    Accounts,
    Teller,
    TellHandler,
    { provide: APP_GUARD, useClass: TokenGuard },
    { provide: APP_GUARD, useClass: WebhookThrottler },
    { provide: APP_INTERCEPTOR, useClass: Envelope },
  ],
})
export class CrowdedModule {
  static with(...imports: DynamicModule[]): DynamicModule {
    return { module: CrowdedModule, imports };
  }
}
