import { Module, type DynamicModule } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  Cr3dentialsWebhookModule,
  OnVerification,
  cr3dentialsWebhookEntities,
  cr3dentialsWebhookMigrations,
  type Cr3dentialsWebhookOptions,
} from '../../../dist/index.js';
import { SECRET } from '../load/delivery.js';
import { setting } from './contender.js';
import { Handled } from './contender.js';

/** A host as the README shows it, with one handler that counts. */
@Module({})
export class OursModule {
  static with(handled: Handled, options: Partial<Cr3dentialsWebhookOptions> = {}): DynamicModule {
    class Counter {
      @OnVerification({ id: 'bench.count' })
      count(): void {
        handled.handle();
      }
    }
    return {
      module: OursModule,
      imports: [
        TypeOrmModule.forRoot({
          ...setting().database,
          entities: [...cr3dentialsWebhookEntities],
          migrations: [...cr3dentialsWebhookMigrations],
          migrationsRun: true,
        }),
        EventEmitterModule.forRoot(),
        Cr3dentialsWebhookModule.forRoot({ auth: { header: 'X-API-Key', secrets: [SECRET] }, ...options }),
      ],
      providers: [Counter],
    };
  }
}
