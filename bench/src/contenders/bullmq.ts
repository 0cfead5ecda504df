import { Body, Controller, HttpCode, Module, Post, ValidationPipe, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Queue, Worker } from 'bullmq';
import { redisConnection } from '../redis.js';
import { Handled, PATH, serveNest, setting } from './contender.js';
import { PayloadDto } from './payload.dto.js';
import { platform } from './platform.js';

const handled = new Handled();
const { prefix } = setting();

@Controller(PATH)
class EnqueueController implements OnApplicationShutdown {
  private readonly queue = new Queue<PayloadDto>('deliveries', { connection: redisConnection, prefix });
  private readonly worker = new Worker('deliveries', async () => handled.handle(), {
    connection: redisConnection,
    prefix,
    concurrency: 100,
  });

  @Post()
  @HttpCode(200)
  async receive(@Body() payload: PayloadDto): Promise<{ received: true }> {
    await this.queue.add('delivery', payload, { jobId: payload.sessionId, removeOnComplete: true });
    return { received: true };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker.close();
    await this.queue.obliterate({ force: true });
    await this.queue.close();
  }
}

@Module({ controllers: [EnqueueController] })
class EnqueueModule {}

const app = await NestFactory.create(EnqueueModule, platform(), { logger: false });
app.useGlobalPipes(new ValidationPipe());
await serveNest(app, handled);
