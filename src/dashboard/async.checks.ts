import { anything, fields, invalid, isFunction, listOf, oneOf, pathsOf, type Check } from '../option.checks.js';
import { EXTRAS, guards, OPTIONS } from './dashboard.checks.js';

const maker: Check = (value, name) => {
  if (!isFunction(value)) throw invalid(`Option "${name}" must be a function.`);
};

const BESIDE = {
  ...EXTRAS,
  guards,
  signIn: oneOf('bearer'),
  inject: listOf(anything),
  useFactory: maker,
  useClass: maker,
  useExisting: anything,
};

/**
 * Checks what stands beside the factory.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`
 */
export function checkAsyncOptions(given: object): void {
  const misplaced = Object.keys(OPTIONS).find((name) => name in given);
  if (misplaced) throw invalid(`Option "${misplaced}" comes from the factory in forRootAsync. Return it there.`);
  fields(BESIDE)(given, '', pathsOf(BESIDE));
  const makers = (['useFactory', 'useClass', 'useExisting'] as const).filter((name) => name in given);
  if (makers.length !== 1) throw invalid('Write one of useFactory, useClass and useExisting.');
}
