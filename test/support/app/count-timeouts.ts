import { Instrumentation } from '../../../src/instrumentation/instrumentation.js';
import type { WebhookApp } from './webhook-app.js';

/** Counts the runs that time out from now on. The log has one line for many of them. */
export function countTimeouts(app: WebhookApp): () => number {
  let count = 0;
  app.nest.get(Instrumentation, { strict: false }).subscribe('attempt-ended', ({ outcome, error = '' }) => {
    if (outcome === 'failed' && error.includes('Timed out after')) count++;
  });
  return () => count;
}
