import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { ROUTE_SETTINGS, type RouteSettings } from './dashboard.settings.js';

/** Token of `DashboardRoutes`. It is the same in each copy of the package. */
export const DASHBOARD_ROUTES_TOKEN = 'cr3dentials-webhook dashboard routes';

interface RegisteredRoute {
  readonly method: string;
  readonly path: string;
}

/** Route of the app at or below the path of the page. */
export interface DashboardRoute extends RegisteredRoute {
  /** True if it is to answer everybody: the page that asks for a token, which holds no data. */
  readonly isOpen: boolean;
}

interface ExpressLayer {
  readonly route?: { readonly path: unknown; readonly methods: Readonly<Record<string, boolean>> };
}

interface Fastify {
  printRoutes(options: { commonPrefix: boolean }): string;
}

/** Line of Fastify's tree of routes: its depth, four characters each, the part of the path, and the methods. */
const TREE_LINE = /^((?:│ {3}| {4})*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?/;

/** Knows the routes at and below the path of the page as the platform has them, those of others too. */
@Injectable()
export class DashboardRoutes {
  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: ApplicationConfig,
    @Inject(ROUTE_SETTINGS) private readonly settings: RouteSettings,
  ) {}

  /** True in an app with HTTP. */
  get hasHttp(): boolean {
    return this.adapterHost.httpAdapter !== undefined && this.platform !== undefined;
  }

  /** Path of the page, with the prefix of the host. */
  get path(): string {
    const [shortest] = this.registered()
      .map(({ path }) => path)
      .filter((path) => path.endsWith(this.settings.path))
      .toSorted((a, b) => a.length - b.length);
    const prefix = this.config.getGlobalPrefix().replace(/^\/*/, '/').replace(/\/$/, '');
    return shortest ?? `${prefix}${this.settings.path}`;
  }

  list(): DashboardRoute[] {
    const { path: own } = this;
    return this.registered()
      .filter(({ path }) => path === own || path.startsWith(`${own}/`))
      .map((route) => ({ ...route, isOpen: route.path === own && this.settings.signsInWithToken }));
  }

  private registered(): RegisteredRoute[] {
    const { httpAdapter } = this.adapterHost;
    if (this.platform === 'fastify')
      return routesOfTree(httpAdapter.getInstance<Fastify>().printRoutes({ commonPrefix: false }));
    const { router } = httpAdapter.getInstance<{ router?: { stack: ExpressLayer[] } }>();
    return (router?.stack ?? []).flatMap(({ route }) =>
      Object.keys(route?.methods ?? {}).map((method) => ({ method: method.toUpperCase(), path: String(route?.path) })),
    );
  }

  private get platform(): string | undefined {
    return this.adapterHost.httpAdapter?.getType?.();
  }
}

function routesOfTree(tree: string): RegisteredRoute[] {
  const parts: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', methods] = TREE_LINE.exec(line) ?? [];
    parts.splice(indent.length / 4, Infinity, part);
    return methods ? methods.split(', ').map((method) => ({ method, path: parts.join('') })) : [];
  });
}
