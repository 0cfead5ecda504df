import { definitionOf, type AttributeKey, type MetricName } from './metric.definitions.js';

const NAMESPACE = 'cr3dentials_webhook';

/**
 * Returns the name that a collector gives to a metric for Prometheus: with its unit, and `_total` for what only grows.
 */
export function prometheusName(name: MetricName): string {
  const { kind, unit } = definitionOf(name);
  const ending = kind === 'counter' || kind === 'observable-counter' ? '_total' : '';
  return `${NAMESPACE}_${name.replaceAll('.', '_')}${unit === 's' ? '_seconds' : ''}${ending}`;
}

/** Returns the name that a collector gives to an attribute for Prometheus. */
export function prometheusLabel(key: AttributeKey): string {
  return key === 'error.type' ? 'error_type' : `${NAMESPACE}_${key}`;
}
