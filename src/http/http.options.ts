import { callable, either, isString, listOf, notEmpty, text, type Check } from '../option.checks.js';

/**
 * Where the module answers, and what is put on its controller.
 *
 * @publicApi
 */
export interface HttpOptions {
  /** The route, or several; may hold route parameters. @default 'webhook/cr3dentials' */
  path?: string | string[];
  /** Put on the controller, so that a host's global guards let it through (`Public()`, `SkipThrottle()`). @default [] */
  controllerDecorators?: ClassDecorator[];
}

/** The options with every default filled in. */
export interface HttpSettings {
  /** The routes, each with one slash before it and none behind. */
  readonly paths: string[];
  readonly controllerDecorators: ClassDecorator[];
}

export const HTTP_SETTINGS = Symbol('cr3dentials-webhook http settings');

export const httpChecks: Record<'path' | 'controllerDecorators', Check> = {
  path: either(isString, text, notEmpty(listOf(text), 'Name at least one route.')),
  controllerDecorators: listOf(callable),
};

export function httpSettings({
  path = 'webhook/cr3dentials',
  controllerDecorators = [],
}: HttpOptions): HttpSettings {
  const paths = [path].flat().map((route) => `/${route.replace(/^\/+|\/+$/g, '')}`);
  return { paths, controllerDecorators };
}
