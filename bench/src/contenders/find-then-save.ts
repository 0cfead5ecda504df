import { Body, Controller, HttpCode, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { PATH, serveNest, setting } from './contender.js';
import { Counter, handled, RECEIVED } from './counter.js';
import { PayloadDto } from './payload.dto.js';
import { platform } from './platform.js';
import { StoredEvent } from './stored-event.entity.js';

@Controller(PATH)
class FindThenSaveController {
  constructor(
    @InjectRepository(StoredEvent) private readonly events: Repository<StoredEvent>,
    private readonly emitter: EventEmitter2,
  ) {}

  @Post()
  @HttpCode(200)
  async receive(@Body() payload: PayloadDto): Promise<{ received: true }> {
    const known = await this.events.findOne({ where: { sessionId: payload.sessionId } });
    if (!known) {
      await this.events.save({ sessionId: payload.sessionId, status: payload.status, payload });
      this.emitter.emit(RECEIVED, payload);
    }
    return { received: true };
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({ ...setting().database, entities: [StoredEvent], synchronize: true }),
    TypeOrmModule.forFeature([StoredEvent]),
    EventEmitterModule.forRoot(),
  ],
  controllers: [FindThenSaveController],
  providers: [Counter],
})
class FindThenSaveModule {}

const app = await NestFactory.create(FindThenSaveModule, platform(), { logger: false });
app.useGlobalPipes(new ValidationPipe());
await serveNest(app, handled);
