import { Controller, HttpCode, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Handled, PATH, serveNest } from './contender.js';
import { platform } from './platform.js';

@Controller(PATH)
class EmptyController {
  @Post()
  @HttpCode(200)
  receive(): { received: true } {
    return { received: true };
  }
}

@Module({ controllers: [EmptyController] })
class EmptyModule {}

await serveNest(await NestFactory.create(EmptyModule, platform(), { logger: false }), new Handled());
