import type { InstanceRow } from '../inbox/instance.entity.js';
import { printOnly } from '../instrumentation/print-only.js';
import type { Instance, InstanceHandler, InstanceState } from './instance.view.js';

/** Time without a word after which an instance is lost. */
export const LOST_AFTER_MS = 60_000;

/** Returns the read model of an instance. */
export function instanceOf(row: InstanceRow, now: number): Instance {
  const secrets = JSON.parse(row.secrets) as { id: string; notAfter: number | null }[];
  const instance = {
    ...row,
    state: stateOf(row, now),
    receives: row.receives === 1,
    processes: row.processes === 1,
    isDurable: row.isDurable === 1,
    handlers: JSON.parse(row.handlers) as InstanceHandler[],
    secrets: secrets.map(({ id }) => id),
    secretExpiries: secrets.map(({ notAfter }) => notAfter),
    settings: JSON.parse(row.settings) as Record<string, unknown>,
  };
  return printOnly(instance, ['id', 'state', 'host', 'pid', 'version'], 'Instance');
}

function stateOf({ stoppedAt, heardAt }: InstanceRow, now: number): InstanceState {
  if (stoppedAt !== null) return 'stopped';
  return now - heardAt > LOST_AFTER_MS ? 'lost' : 'live';
}
