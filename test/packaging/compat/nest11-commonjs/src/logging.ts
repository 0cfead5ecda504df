import type { DynamicModule, INestApplication } from '@nestjs/common';
import { Logger, LoggerModule } from 'nestjs-pino';

/** Lines of JSON by pino, also for each request. */
export function logging(): { modules: DynamicModule[]; useLogger: (app: INestApplication) => void } {
  const modules = [LoggerModule.forRoot({ pinoHttp: { customLogLevel: () => 'info' } })];
  return { modules, useLogger: (app) => app.useLogger(app.get(Logger)) };
}
