import type { Telemetry } from './telemetry.js';
import { callable, fields, invalid, kind, type Check } from '../option.checks.js';

const HOOKS = ['start', 'receiving', 'around', 'batch', 'active', 'quiet'] as const satisfies (keyof Telemetry)[];
const hooks = fields(Object.fromEntries(HOOKS.map((name) => [name, callable])));

/** An instance of a class has its hooks in its prototype, and may have other fields. */
const telemetry: Check = (value, name) => {
  if (value === null || typeof value !== 'object' || !HOOKS.some((hook) => hook in value))
    throw invalid(`Option "${name}" must be telemetry such as openTelemetry() or promClient(), not ${kind(value)}.`);
  if (Object.getPrototypeOf(value) === Object.prototype) hooks(value, name);
};

export const telemetryCheck: Check = (value, name) => {
  if (!Array.isArray(value)) return telemetry(value, name);
  for (const [index, one] of value.entries()) telemetry(one, `${name}[${index}]`);
};

/** Returns the telemetry as a list. */
export function telemetrySettings(given: Telemetry | readonly Telemetry[] = []): readonly Telemetry[] {
  return Array.isArray(given) ? given : [given as Telemetry];
}
