import { Body, Controller, HttpCode, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { PATH, serveNest, setting } from './contender.js';
import { Counter, handled, RECEIVED } from './counter.js';
import { PayloadDto } from './payload.dto.js';
import { platform } from './platform.js';
import { StoredEvent } from './stored-event.entity.js';

const COLUMNS = 'bench_event (id, session_id, status, payload)';
const INSERT = {
  postgres: `INSERT INTO ${COLUMNS} VALUES ($1, $2, $3, $4) ON CONFLICT (session_id) DO NOTHING RETURNING id`,
  'better-sqlite3': `INSERT INTO ${COLUMNS} VALUES (?, ?, ?, ?) ON CONFLICT (session_id) DO NOTHING RETURNING id`,
  mariadb: `INSERT IGNORE INTO ${COLUMNS} VALUES (?, ?, ?, ?) RETURNING id`,
};

@Controller(PATH)
class InsertController {
  private readonly insert: string;

  constructor(
    @InjectDataSource() private readonly database: DataSource,
    private readonly emitter: EventEmitter2,
  ) {
    this.insert = INSERT[database.options.type as keyof typeof INSERT];
  }

  @Post()
  @HttpCode(200)
  async receive(@Body() payload: PayloadDto): Promise<{ received: true }> {
    const row = [randomUUID(), payload.sessionId, payload.status, JSON.stringify(payload)];
    const inserted = await this.database.query<unknown[]>(this.insert, row);
    if (inserted.length > 0) this.emitter.emit(RECEIVED, payload);
    return { received: true };
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({ ...setting().database, entities: [StoredEvent], synchronize: true }),
    EventEmitterModule.forRoot(),
  ],
  controllers: [InsertController],
  providers: [Counter],
})
class InsertModule {}

const app = await NestFactory.create(InsertModule, platform(), { logger: false });
app.useGlobalPipes(new ValidationPipe());
await serveNest(app, handled);
