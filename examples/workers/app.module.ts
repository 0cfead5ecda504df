import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Cr3dentialsWebhookModule } from 'nestjs-cr3dentials-webhook';
import { database, isPostgres } from './database.js';
import { Reports } from './reports.js';

/** One module, two roles: ROLE says which part this process has. */
@Module({
  imports: [
    TypeOrmModule.forRoot(database),
    EventEmitterModule.forRoot(),
    Cr3dentialsWebhookModule.forRootAsync({
      receive: process.env.ROLE !== 'worker',
      useFactory: () => ({
        auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] },
        processing: { enabled: process.env.ROLE !== 'web' },
        database: { listenNotify: isPostgres }, // the worker hears of a delivery at once; elsewhere within a second
      }),
    }),
  ],
  providers: [Reports],
})
export class AppModule {}
