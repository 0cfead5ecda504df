import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTP_SETTINGS, type HttpSettings } from './http.options.js';

interface ExpressLayer {
  match(path: string): boolean;
  readonly route?: { readonly path: unknown; readonly methods: Record<string, boolean> };
}
export type FastifyHook = (request: { raw: IncomingMessage }, reply: { raw: ServerResponse }, done: () => void) => void;
type ExpressHandler = (
  request: IncomingMessage & { originalUrl: string },
  response: ServerResponse,
  next: () => void,
) => void;
interface Express {
  use(handler: ExpressHandler): void;
  readonly router: { readonly stack: ExpressLayer[] };
}
export interface FastifyRoute {
  readonly url: string;
  readonly method: string | string[];
  readonly handler: (request: never, reply: unknown) => unknown;
  onRequest?: FastifyHook | FastifyHook[];
  onResponse?: FastifyHook | FastifyHook[];
  errorHandler?: (error: unknown, request: never, reply: unknown) => unknown;
}
interface Fastify {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
}

/**
 * Finds the paths of our controller, with the prefixes of the host before them. Only the platform's router knows these.
 * Among the POST routes behind the global prefix that end like ours, the shortest is ours.
 */
@Injectable()
export class WebhookRoutes {
  private readonly fastifyRoutes: string[] = [];
  /** Paths of the host's Express routes that match all of what a route of ours does, and come before it. */
  private readonly shadowing = new Set<string>();

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: ApplicationConfig,
    @Inject(HTTP_SETTINGS) private readonly settings: HttpSettings,
  ) {}

  /** Name of the platform, such as `express`; `undefined` in an application without HTTP, or without routes of ours. */
  get platform(): string | undefined {
    return this.settings.receive ? this.adapterHost.httpAdapter?.getType() : undefined;
  }

  /** Paths of our routes. Before routes are registered, and without HTTP, they are those of the options. */
  get paths(): string[] {
    const registered =
      this.platform === 'express' ? this.expressLayers().map(({ route }) => String(route?.path)) : this.fastifyRoutes;
    const prefix = `/${this.config.getGlobalPrefix().replace(/^\/+/, '')}`;
    return this.settings.paths.map((path) => {
      const candidates = registered.filter((route) => endsLike(route, path));
      const prefixed = candidates.filter((route) => route.startsWith(prefix));
      const [shortest] = (prefixed.length > 0 ? prefixed : candidates).toSorted((a, b) => a.length - b.length);
      return shortest ?? path;
    });
  }

  /** Calls the listener for each POST route that may be ours. Fastify announces a route only while it is registered. */
  onFastifyRoute(onRoute: (route: FastifyRoute) => void): void {
    this.adapterHost.httpAdapter.getInstance<Fastify>().addHook('onRoute', (route) => {
      if (![route.method].flat().includes('POST')) return;
      this.fastifyRoutes.push(route.url);
      if (this.settings.paths.some((path) => endsLike(route.url, path))) onRoute(route);
    });
  }

  /** Calls the handler before every other, those of the host and its body parsers too. */
  beforeExpressRoutes(handler: ExpressHandler): void {
    const express = this.adapterHost.httpAdapter.getInstance<Express>();
    express.use(handler);
    const { stack } = express.router;
    stack.unshift(...stack.splice(-1));
  }

  /**
   * Remembers which Express routes come before ours and match them, such as a wildcard of the root module, or a
   * middleware for a path. Call it when all routes are registered. Fastify chooses the most specific route.
   */
  rememberShadowing(): void {
    if (this.platform !== 'express') return;
    for (const path of this.paths) {
      const first = this.expressLayers().find((layer) => matches(layer, exampleOf(path)));
      const by = String(first?.route?.path ?? path);
      if (by !== path) this.shadowing.add(by);
    }
  }

  /** Tells whether Express would route a POST to this path to our controller, or to a route that shadows it. */
  isOurExpressRoute(path: string): boolean {
    const matching = this.expressLayers().filter((layer) => matches(layer, path));
    const [first] = matching.map(({ route }) => String(route?.path));
    if (first === undefined || this.paths.includes(first)) return first !== undefined;
    return this.shadowing.has(first) && matching.some(({ route }) => this.paths.includes(String(route?.path)));
  }

  private expressLayers(): ExpressLayer[] {
    const { router } = this.adapterHost.httpAdapter.getInstance<Express>();
    return router.stack.filter(({ route }) => route?.methods.post);
  }
}

/** Express throws for a path that cannot be decoded, such as `/%zz`. It routes it nowhere. */
function matches(layer: ExpressLayer, path: string): boolean {
  try {
    return layer.match(path);
  } catch {
    return false;
  }
}

/** Returns a path that a route with parameters and wildcards matches. */
function exampleOf(route: string): string {
  return route.replaceAll(/[:*]\w+/g, 'x').replaceAll(/[{}]/g, '');
}

function endsLike(route: string, path: string): boolean {
  return path === '/' || route.endsWith(path);
}
