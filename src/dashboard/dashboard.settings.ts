import type { DashboardAccess, DashboardGuard, DashboardRequest } from './access/access.options.js';
import type { DashboardLink, DashboardMask } from './dashboard.options.js';

/** Token of the settings, passwords included. It is a symbol, so that nobody else can inject them. */
export const DASHBOARD_SETTINGS = Symbol('cr3dentials-webhook dashboard settings');

/** Access as it is given, with the guards that the routes have. */
export type AccessSettings =
  Exclude<DashboardAccess<DashboardRequest>, { guards: unknown }> | { identify: (request: never) => never };

/** What the routes need before any provider exists. */
export interface RouteSettings {
  /** Route with a leading slash and no trailing one. */
  readonly path: string;
  readonly guards: readonly DashboardGuard[];
  /** True if a global guard of the host authenticates. */
  readonly isGlobal: boolean;
  readonly signsInWithToken: boolean;
  readonly controllerDecorators: readonly ClassDecorator[];
}

/** Options with every default filled in. */
export interface DashboardSettings {
  readonly access: AccessSettings;
  readonly title: string;
  readonly environment: string | null;
  readonly mask: DashboardMask | undefined;
  readonly maskReferences: boolean;
  readonly reveal: { readonly perMinute: number; readonly hideAfter: number };
  readonly links: readonly DashboardLink[];
  readonly bulk: { readonly rate: number; readonly maxRate: number; readonly pauseAt: number };
  readonly refresh: number;
  readonly limits: {
    /** Undefined: by the database. */
    readonly scan: number | undefined;
    readonly page: number;
    readonly maxPage: number;
    readonly timeout: number;
    readonly queries: number;
  };
  readonly origins: readonly string[];
  readonly frameAncestors: readonly string[];
}

/** Token of what the routes need. */
export const ROUTE_SETTINGS = Symbol('cr3dentials-webhook dashboard routes');
