import type { Instance } from '../../operations/instance.view.js';
import type { SettingRow } from './contract/statistics.js';

/**
 * Returns what live instances do not have in common now, in sentences; also during a deployment, which the problem
 * `instances-differ` waits out.
 */
export function differencesNow(all: readonly Instance[]): string[] {
  const live = all.filter(({ state }) => state === 'live');
  const processing = live.filter(({ processes }) => processes);
  const handlers = [...new Set(processing.flatMap(({ handlers: own }) => own.map(({ id }) => id)))].toSorted();
  return [
    ...valuesOf(live, 'version').map(([version, names]) => `${names} runs version ${version} of the package.`),
    ...valuesOf(live, 'appVersion').map(([version, names]) => `${names} runs version ${version} of the application.`),
    ...handlers.flatMap((id) => {
      const without = processing.filter((instance) => !instance.handlers.some((handler) => handler.id === id));
      return without.length > 0 ? [`${namesOf(without)} does not subscribe to ${id}.`] : [];
    }),
  ];
}

/** Returns the options of live instances, each with its values and its default. */
export function settingsOf(all: readonly Instance[], defaults: Instance['settings']): SettingRow[] {
  const byDefault = new Map(leavesOf(defaults));
  const live = all.filter(({ state }) => state === 'live');
  const rows = new Map<string, Map<string, string[]>>();
  for (const instance of live)
    for (const [name, value] of leavesOf(instance.settings)) {
      const values = rows.get(name) ?? new Map<string, string[]>();
      rows.set(name, values.set(value, [...(values.get(value) ?? []), instance.id]));
    }
  return [...rows].map(([name, values]) => ({
    name,
    values: [...values].map(([value, instances]) => ({ value, instances })),
    default: byDefault.get(name) ?? null,
  }));
}

/** Returns the values that differ, each with the names of who has it. None if all have the same. */
function valuesOf(live: readonly Instance[], field: 'version' | 'appVersion'): [value: string, names: string][] {
  const values = [...new Set(live.map((instance) => instance[field] ?? 'unknown'))];
  if (values.length < 2) return [];
  return values.map((value) => [value, namesOf(live.filter((instance) => (instance[field] ?? 'unknown') === value))]);
}

function namesOf(instances: readonly Instance[]): string {
  return instances.map(({ host, pid }) => `${host} (${pid})`).join(', ');
}

function leavesOf(settings: Readonly<Record<string, unknown>>, prefix = ''): [name: string, value: string][] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const isGroup = value !== null && typeof value === 'object' && !Array.isArray(value);
    const isEmpty = isGroup && Object.keys(value).length === 0;
    if (isGroup && !isEmpty) return leavesOf(value as Record<string, unknown>, `${prefix}${name}.`);
    return [[prefix + name, JSON.stringify(value) ?? 'null']] as [string, string][];
  });
}
