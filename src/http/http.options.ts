import { boolean, callable, either, invalid, isString, listOf, notEmpty, text, type Check } from '../option.checks.js';

/**
 * Options of the routes and their controller.
 *
 * @publicApi
 */
export interface HttpOptions {
  /**
   * Receives webhooks. An instance with `false` has no route: it processes what other instances have received, or only
   * operates the inbox.
   *
   * @default true
   */
  receive?: boolean;
  /** Route or routes, which may hold route parameters. @default 'webhook/cr3dentials' */
  path?: string | string[];
  /**
   * Decorators of the controller, so that a host's global guards let it through (`Public()`, `SkipThrottle()`).
   * @default []
   */
  controllerDecorators?: ClassDecorator[];
}

/** Options with every default filled in. */
export interface HttpSettings {
  readonly receive: boolean;
  /** Routes, each with a leading slash and no trailing one. None on an instance that does not receive. */
  readonly paths: string[];
  readonly controllerDecorators: ClassDecorator[];
}

export const HTTP_SETTINGS = Symbol('cr3dentials-webhook http settings');

const routePath: Check = (value, name) => {
  if (value === '') throw invalid(`Option "${name}" is empty. Write a path such as "webhook/cr3dentials", or "/".`);
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(String(value)))
    throw invalid(`Option "${name}" must be a path such as "webhook/cr3dentials", not a URL.`);
  text(value, name);
};

export const httpChecks: Record<keyof HttpOptions, Check> = {
  receive: boolean,
  path: either(isString, routePath, notEmpty(listOf(routePath), 'Name at least one route.')),
  controllerDecorators: listOf(callable),
};

export function httpSettings({
  receive = true,
  path = 'webhook/cr3dentials',
  controllerDecorators = [],
}: HttpOptions): HttpSettings {
  const paths = [path].flat().map((route) => `/${route.replace(/^\/+|\/+$/g, '')}`);
  return { receive, paths: receive ? paths : [], controllerDecorators };
}
