import { callable, either, invalid, isString, listOf, notEmpty, text, type Check } from '../option.checks.js';

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

const routePath: Check = (value, name) => {
  if (value === '') throw invalid(`Option "${name}" is empty. Write a path such as "webhook/cr3dentials", or "/".`);
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(String(value)))
    throw invalid(`Option "${name}" must be a path such as "webhook/cr3dentials", not a URL.`);
  text(value, name);
};

export const httpChecks: Record<'path' | 'controllerDecorators', Check> = {
  path: either(isString, routePath, notEmpty(listOf(routePath), 'Name at least one route.')),
  controllerDecorators: listOf(callable),
};

export function httpSettings({ path = 'webhook/cr3dentials', controllerDecorators = [] }: HttpOptions): HttpSettings {
  const paths = [path].flat().map((route) => `/${route.replace(/^\/+|\/+$/g, '')}`);
  return { paths, controllerDecorators };
}
