import { Body, Controller, HttpCode, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Handled, PATH, serveNest } from './contender.js';
import { PayloadDto } from './payload.dto.js';
import { platform } from './platform.js';

@Controller(PATH)
class ValidatingController {
  @Post()
  @HttpCode(200)
  receive(@Body() _payload: PayloadDto): { received: true } {
    return { received: true };
  }
}

@Module({ controllers: [ValidatingController] })
class ValidatingModule {}

const app = await NestFactory.create(ValidatingModule, platform(), { logger: false });
app.useGlobalPipes(new ValidationPipe());
await serveNest(app, new Handled());
