import type { Type } from '@nestjs/common';
import { getMetadataStorage } from 'class-validator';
import { invalid, kind, type Check } from '../option.checks.js';

/**
 * A class with class-validator decorators per `platformId`.
 *
 * @publicApi
 */
export type PlatformClasses = Readonly<Record<number, Type<object>>>;

export const PLATFORM_CLASSES = Symbol('cr3dentials-webhook platform classes');

export const platformsCheck: Check = (value, name) => {
  if (value === null || typeof value !== 'object' || Symbol.iterator in value) {
    throw invalid(`Option "${name}" must be an object such as { 1: BankAccount }, with a class per platformId.`);
  }
  for (const [id, platform] of Object.entries(value)) {
    if (!Number.isFinite(Number(id)) || String(Number(id)) !== id)
      throw invalid(`Option "${name}" names "${id}", which is no platformId. Write a number: { 1: BankAccount }.`);
    if (typeof platform !== 'function' || !platform.prototype)
      throw invalid(`Option "${name}.${id}" must be a class, not ${kind(platform)}.`);
    if (getMetadataStorage().getTargetValidationMetadatas(platform, '', true, false).length === 0)
      throw invalid(
        `Option "${name}.${id}" names ${platform.name}, of which nothing would be checked. Decorate its properties with class-validator.`,
      );
  }
};

export function platformClasses(platforms: PlatformClasses = {}): PlatformClasses {
  return platforms;
}
