import { ConsoleLogger, type DynamicModule, type INestApplication } from '@nestjs/common';

/** Lines by Nest itself: nestjs-pino does not know Nest 12 yet. */
export function logging(): { modules: DynamicModule[]; useLogger: (app: INestApplication) => void } {
  return { modules: [], useLogger: (app) => app.useLogger(new ConsoleLogger()) };
}
