import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

/** Lets a route through the global guard. */
export const Public = () => SetMetadata('isPublic', true);

/** The global guard that the app had before. It requires a token for every route that is not public. */
@Injectable()
export class TokenGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const isPublic = this.reflector.getAllAndOverride<boolean>('isPublic', [context.getHandler(), context.getClass()]);
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
    return isPublic || headers.authorization === 'Bearer a-token-of-this-app';
  }
}
