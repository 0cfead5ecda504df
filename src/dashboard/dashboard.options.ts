import type { ModuleMetadata, Type } from '@nestjs/common';
import type {
  BasicAccess,
  DashboardAccess,
  DashboardGuard,
  DashboardRequest,
  GuardedAccess,
} from './access/access.options.js';
import type { DeliveryRow } from './api/contract/deliveries.js';
import type { RejectionRow } from './api/contract/rejections.js';

/**
 * Link of the host for a delivery or a rejection.
 *
 * @publicApi
 */
export interface DashboardLink {
  /** Text of the link. */
  label: string;
  /**
   * Returns the address; undefined for no link. Only `https:`, `http:` and relative addresses are shown. It is given
   * rows with their references, also with `maskReferences`.
   */
  href: (row: DeliveryRow | RejectionRow) => string | undefined;
}

/**
 * Masks a payload in place of the built-in mask. What it returns is shown as it is. If it throws, nothing is shown.
 *
 * @publicApi
 */
export type DashboardMask = (payload: unknown, row: DeliveryRow | RejectionRow) => unknown;

/**
 * Options of the page that may come from a factory.
 *
 * @publicApi
 */
export interface DashboardOptions<R extends DashboardRequest = DashboardRequest> {
  /** Who is let in. Required: without it, the application does not start. */
  access: DashboardAccess<R>;
  /** Name of the page. @default 'Webhook inbox' */
  title?: string;
  /** Badge such as `production`, so that nobody mistakes the window. @default none */
  environment?: string;
  /** Masks payloads. @default the values of documented fields that identify nobody are shown, all others hidden */
  mask?: DashboardMask;
  /** Hides references and session ids in lists too. @default false */
  maskReferences?: boolean;
  /** Contents that are shown on demand. */
  reveal?: {
    /**
     * Most deliveries and rejections whose contents one operator is shown in a minute, on each instance. A rejection and
     * the delivery that it contradicts are shown as one.
     *
     * @default 20
     */
    perMinute?: number;
    /** Milliseconds after which the page hides them. @default 60000 */
    hideAfter?: number;
  };
  /** Links for deliveries and rejections. @default [] */
  links?: readonly DashboardLink[];
  /** Bulk operations. */
  bulk?: {
    /** Deliveries in a second, unless the operator says otherwise. @default 20 */
    rate?: number;
    /** Most deliveries in a second. @default 500 */
    maxRate?: number;
    /** Share of replayed deliveries that are dead again at which an operation pauses. @default 0.2 */
    pauseAt?: number;
  };
  /** Shortest time between two polls of the page, in milliseconds. @default 2000 */
  refresh?: number;
  /** Limits of what is asked of the database. */
  limits?: {
    /** Most rows that one search looks at. It says how far it got. @default 20000; 2000 on SQLite */
    scan?: number;
    /** Rows of a page. @default 50 */
    page?: number;
    /** Most rows of a page. @default 200 */
    maxPage?: number;
    /** Longest time of a query, in milliseconds. @default 5000 */
    timeout?: number;
    /** Requests that are answered at a time on each instance. Others wait a little, or are answered 503. @default 2 */
    queries?: number;
  };
  /** Further origins that may call the API, such as `https://ops.example.com`. @default [] */
  origins?: readonly string[];
  /** Origins that may embed the page in a frame. @default [] */
  frameAncestors?: readonly string[];
}

/**
 * Options that Nest needs before any provider exists.
 *
 * @publicApi
 */
export interface DashboardExtras {
  /** Route of the page, behind the global prefix of the host. @default 'webhook-inbox' */
  path?: string;
  /** Modules that the guards are resolved from. @default [] */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** Registers the routes. @default true */
  enabled?: boolean;
  /** Decorators of the controllers, such as `SkipThrottle()`. @default [] */
  controllerDecorators?: ClassDecorator[];
}

/**
 * Provider that makes the options, for `useClass` and `useExisting`.
 *
 * @publicApi
 */
export interface DashboardOptionsFactory<R extends DashboardRequest = DashboardRequest> {
  /** Returns the options, or a promise of them. Nest calls it once, at boot. */
  createDashboardOptions(): AsyncDashboardOptions<R> | Promise<AsyncDashboardOptions<R>>;
}

/**
 * Who is behind a request, where the guards stand beside the factory.
 *
 * @publicApi
 */
export type IdentifiedAccess<R extends DashboardRequest> = Pick<GuardedAccess<R>, 'identify'>;

/**
 * Options that a factory returns. Guards stand beside the factory, because routes are made before it is called.
 *
 * @publicApi
 */
export type AsyncDashboardOptions<R extends DashboardRequest = DashboardRequest> = Omit<
  DashboardOptions<R>,
  'access'
> & {
  /** Who is let in: with guards, `{ identify }` alone. */
  access: BasicAccess | 'public-on-loopback' | IdentifiedAccess<R>;
};

/**
 * Options of `forRootAsync`.
 *
 * @publicApi
 */
export interface DashboardAsyncOptions<R extends DashboardRequest = DashboardRequest> extends DashboardExtras {
  /** Guards of every route, or `'global'`. Required unless the factory returns another form of access. */
  guards?: readonly [DashboardGuard, ...DashboardGuard[]] | 'global';
  /** `'bearer'`: guards read a token in `Authorization`. */
  signIn?: 'bearer';
  /** Tokens of what the factory gets. */
  inject?: readonly (string | symbol | (abstract new (...args: never[]) => unknown))[];
  /** Returns the options. */
  useFactory?: (...args: never[]) => AsyncDashboardOptions<R> | Promise<AsyncDashboardOptions<R>>;
  /** Class that makes the options. */
  useClass?: Type<DashboardOptionsFactory<R>>;
  /** Provider that makes the options. */
  useExisting?: string | symbol | (abstract new (...args: never[]) => DashboardOptionsFactory<R>);
}
