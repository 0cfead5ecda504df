import {
  Injectable,
  SetMetadata,
  ValidationPipe,
  VersioningType,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector, type AbstractHttpAdapter } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { map, type Observable } from 'rxjs';
import { isHttp2, platform } from './environment.js';

/** Lets a route through the guard that stands before all others. */
export const Public = () => SetMetadata('isPublic', true);

@Injectable()
export class TokenGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const isPublic = this.reflector.getAllAndOverride<boolean>('isPublic', [context.getHandler(), context.getClass()]);
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
    return isPublic || headers.authorization === 'Bearer host';
  }
}

/** Wraps what is answered, but not what is thrown. */
@Injectable()
export class Envelope implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ data })));
  }
}

export function adapter(): AbstractHttpAdapter {
  if (isHttp2) return new FastifyAdapter({ http2: true });
  return platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
}

/** What most applications set up for all of their routes. */
export function configure(app: INestApplication): INestApplication {
  app.setGlobalPrefix('api');
  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  app.useGlobalPipes(
    new ValidationPipe({
      whitelist: true,
      forbidNonWhitelisted: true,
      transform: true,
      transformOptions: { enableImplicitConversion: true },
    }),
  );
  app.enableShutdownHooks();
  return app;
}
