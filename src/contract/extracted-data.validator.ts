import { Inject, Injectable } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { runOutsideRequest } from '../concurrency/run-outside-request.js';
import { errorName, toSingleLine } from '../instrumentation/single-line.js';
import { PLATFORM_CLASSES, type PlatformClasses } from './platforms.options.js';
import type { VerificationPayload } from './verification.payload.js';

/** Most fields that are named in a rejection. The list has to fit a column. */
const MAX_FIELDS = 20;

/** Validates `extractedData` by the class that the host declares for its platform. */
@Injectable()
export class ExtractedDataValidator {
  constructor(@Inject(PLATFORM_CLASSES) private readonly classes: PlatformClasses) {}

  /**
   * Returns the broken constraints by field, as JSON without any value. Returns `undefined` if the data is valid, or
   * its platform has no class.
   */
  validate({ platformId, extractedData }: VerificationPayload): string | undefined {
    const platform = this.classes[platformId];
    if (!platform || !extractedData) return undefined;
    try {
      // A copy: a transformer of the host may change its source, which the fingerprint is still to be taken from.
      const data = plainToInstance(platform, structuredClone(extractedData));
      const errors = validateSync(data);
      return errors.length > 0 ? summarize(errors) : undefined;
    } catch (error) {
      return JSON.stringify({ extractedData: [`could not be checked: ${errorName(error)}`] });
    }
  }

  /**
   * Returns an instance of the platform's class, without validating it. Returns the data itself if no class is
   * declared. What a transformer of the host leaves in its async context ends with it.
   */
  toInstance<D extends object>(platformId: number, data: D): D {
    const platform = this.classes[platformId];
    return platform ? (runOutsideRequest(() => plainToInstance(platform, data)) as D) : data;
  }
}

/** Lists the constraints by their names. Their messages are left out: they may quote what was sent. */
function summarize(errors: readonly ValidationError[]): string {
  const fields = new Map<string, Set<string>>();
  for (const [field, constraint] of violationsOf(errors, 'extractedData')) {
    const constraints = fields.get(field) ?? new Set();
    fields.set(field, constraints.add(constraint));
  }
  return JSON.stringify(
    Object.fromEntries([...fields].slice(0, MAX_FIELDS).map(([field, names]) => [toSingleLine(field), [...names]])),
  );
}

function* violationsOf(
  errors: readonly ValidationError[],
  path: string,
): Generator<[field: string, constraint: string]> {
  for (const { target, property, constraints = {}, children = [] } of errors) {
    const field = fieldAt(path, target, property);
    for (const constraint of Object.keys(constraints)) yield [field, constraint];
    yield* violationsOf(children, field);
  }
}

/** Returns the path of a field. The key of a member is left out, because the sender chose it. */
function fieldAt(path: string, target: object | undefined, property: string | undefined): string {
  if (Array.isArray(target) || target instanceof Map || target instanceof Set) return `${path}[]`;
  return property === undefined ? path : `${path}.${property}`;
}
