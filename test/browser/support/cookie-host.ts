import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Cr3dentialsWebhookDashboardModule, type DashboardOptions } from 'nestjs-cr3dentials-webhook/dashboard';

export interface CookieRequest {
  readonly headers: { readonly cookie?: string };
  readonly url: string;
  user?: string;
}

/** Lets in who has the session cookie of the host, as most hosts with a front end do. */
@Injectable()
export class CookieGuard implements CanActivate {
  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<CookieRequest>();
    const [, user] = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? '') ?? [];
    if (user === undefined) throw new UnauthorizedException();
    request.user = user;
    return true;
  }
}

export const PATH = '/ops/inbox';

/** The page behind the cookie; everyone who has it may do everything. */
export function pageBehindCookie(more: Partial<DashboardOptions<CookieRequest>> = {}) {
  return Cr3dentialsWebhookDashboardModule.forRoot<CookieRequest>({
    path: PATH.slice(1),
    access: {
      guards: [CookieGuard],
      identify: ({ user }) => (user === undefined ? null : { id: `${user}@example.com`, can: 'everything' }),
    },
    refresh: 1_000,
    ...more,
  });
}
