import type { CanActivate, Type } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { Permission } from '../api/contract/common.js';
import type { Operator } from './operator.js';

/**
 * What every request has. Name the type of the host's own, with `user` and so on: `forRoot<AppRequest>(…)`.
 *
 * @publicApi
 */
export interface DashboardRequest {
  /** Headers. */
  readonly headers: IncomingHttpHeaders;
  /** Path and query. */
  readonly url: string;
}

/**
 * Names the person behind a request that the guards have let through. What it does not name is answered 403, and so is
 * a request for which it throws, or does not answer within 10 seconds.
 *
 * @publicApi
 */
export type Identify<R extends DashboardRequest> = (
  request: R,
) => Operator | undefined | null | Promise<Operator | undefined | null>;

/**
 * Guard of the host, as in `@UseGuards`.
 *
 * @publicApi
 */
export type DashboardGuard = Type<CanActivate> | CanActivate;

/**
 * Operator who signs in with HTTP basic authentication.
 *
 * @publicApi
 */
export interface BasicOperator {
  /** Name to sign in with, which the record of actions has. */
  name: string;
  /** Password of 16 characters or more. */
  password: string;
  /** What the person may do. */
  can: 'everything' | readonly Permission[];
  /** Only deliveries and rejections of these tenants. @default those of every tenant */
  tenants?: readonly string[];
}

/**
 * Guards of the host, and who is behind a request that they let through.
 *
 * @publicApi
 */
export interface GuardedAccess<R extends DashboardRequest> {
  /** Guards of every route, in their order. `'global'`: the host's `APP_GUARD` authenticates. */
  guards: readonly [DashboardGuard, ...DashboardGuard[]] | 'global';
  /** Names the person. */
  identify: Identify<R>;
  /**
   * `'bearer'`: guards read a token in `Authorization`. The page itself, which holds no data, is then open, and asks
   * for the token.
   */
  signIn?: 'bearer';
}

/**
 * Operators with passwords, for hosts without any authentication.
 *
 * @publicApi
 */
export interface BasicAccess {
  /** Operators. Ten failures in a minute from one address are answered 429. */
  basic: readonly BasicOperator[];
}

/**
 * Who is let in. Without it, the application does not start.
 *
 * `'public-on-loopback'` lets in everybody who comes from the same machine and through no proxy, for development. With
 * `NODE_ENV=production` the application does not start.
 *
 * @publicApi
 */
export type DashboardAccess<R extends DashboardRequest> = GuardedAccess<R> | BasicAccess | 'public-on-loopback';
