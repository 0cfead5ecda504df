import { Inject, Injectable } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { errorName, toSingleLine } from '../instrumentation/single-line.js';
import { PLATFORM_CLASSES, type PlatformClasses } from './platforms.options.js';
import type { VerificationPayload } from './verification.payload.js';

/** More broken fields than this say no more, and have to fit a column. */
const MAX_FIELDS = 20;

/** What the host expects of `extractedData`, platform by platform. */
@Injectable()
export class ExtractedDataValidator {
  constructor(@Inject(PLATFORM_CLASSES) private readonly classes: PlatformClasses) {}

  /** The broken constraints by field, as JSON without any value; nothing when the data is as the host expects it. */
  validate({ platformId, extractedData }: VerificationPayload): string | undefined {
    if (!this.classes[platformId] || !extractedData) return undefined;
    try {
      // A copy: what a transformer of the host does to its source must not reach the fingerprint.
      const data = this.toInstance(platformId, structuredClone(extractedData));
      const errors = validateSync(data);
      return errors.length > 0 ? summarize(errors) : undefined;
    } catch (error) {
      return JSON.stringify({ extractedData: [`could not be checked: ${errorName(error)}`] });
    }
  }

  /** An instance of the platform's class where there is one, not checked again; else the data itself. */
  toInstance<D extends object>(platformId: number, data: D): D {
    const platform = this.classes[platformId];
    return platform ? (plainToInstance(platform, data) as D) : data;
  }
}

/** By their names: messages may quote what was sent. */
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

/** The key of a member was sent as well: only names that stand in a class are told. */
function fieldAt(path: string, target: object | undefined, property: string | undefined): string {
  if (Array.isArray(target) || target instanceof Map || target instanceof Set) return `${path}[]`;
  return property === undefined ? path : `${path}.${property}`;
}
