import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { REQUEST_HEADER } from '../api/contract/common.js';
import { foreignOrigin } from '../api/dashboard.exception.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from '../dashboard.settings.js';
import type { HostRequest } from './host.request.js';

const SAFE_METHODS = new Set(['GET', 'HEAD']);

/**
 * Lets through what the page itself asks. A site that shares the host's cookies could read answers otherwise, where the
 * host allows every origin, and act by a form.
 */
@Injectable()
export class SameOriginGuard implements CanActivate {
  constructor(@Inject(DASHBOARD_SETTINGS) private readonly settings: Pick<DashboardSettings, 'origins'>) {}

  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<HostRequest>();
    if (!this.isOfPage(request))
      throw foreignOrigin(
        'Another site asks. If a proxy rewrites "Host", name the origin of the page in the option "origins".',
      );
    if (!SAFE_METHODS.has(request.method) && !isScripted(request))
      throw foreignOrigin(`Send "Content-Type: application/json" and "${REQUEST_HEADER}: 1".`);
    return true;
  }

  private isOfPage({ headers, method }: HostRequest): boolean {
    const { origin } = headers;
    if (origin !== undefined && this.settings.origins.includes(origin)) return true;
    const site = headers['sec-fetch-site'];
    if (site !== undefined) return site === 'same-origin' || (site === 'none' && SAFE_METHODS.has(method));
    return origin === undefined || isHost(origin, headers.host ?? headers[':authority']);
  }
}

/** No form can send these. */
function isScripted({ headers }: HostRequest): boolean {
  const [type = ''] = (headers['content-type'] ?? '').toLowerCase().split(';');
  return type.trim() === 'application/json' && headers[REQUEST_HEADER] === '1';
}

function isHost(origin: string, host: string | string[] | undefined): boolean {
  return typeof host === 'string' && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
