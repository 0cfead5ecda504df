import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DASHBOARD_SETTINGS, type DashboardSettings } from './dashboard.settings.js';

/**
 * Sets the headers of every answer below our path, those of the host's guards too. It runs first of our guards. They
 * take the place of those of `helmet`.
 */
@Injectable()
export class HeadersGuard implements CanActivate {
  readonly #headers: Readonly<Record<string, string>>;

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    @Inject(DASHBOARD_SETTINGS) settings: Pick<DashboardSettings, 'frameAncestors'>,
  ) {
    this.#headers = securityHeaders(settings.frameAncestors);
  }

  canActivate(context: ExecutionContext): true {
    const { httpAdapter } = this.adapterHost;
    const response = context.switchToHttp().getResponse<unknown>();
    for (const [name, value] of Object.entries(this.#headers)) httpAdapter.setHeader(response, name, value);
    return true;
  }
}

function securityHeaders(frameAncestors: readonly string[]): Record<string, string> {
  const policy = [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `img-src 'self' data:`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors ${frameAncestors.length > 0 ? frameAncestors.join(' ') : `'none'`}`,
    `require-trusted-types-for 'script'`,
    `trusted-types 'none'`,
  ];
  return {
    'Content-Security-Policy': policy.join('; '),
    ...(frameAncestors.length === 0 && { 'X-Frame-Options': 'DENY' }),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'X-Robots-Tag': 'noindex',
    'Cache-Control': 'no-store',
  };
}
