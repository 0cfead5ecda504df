import type { Instance } from './instance.view.js';

/** Time after which an instance should be like the others: a deployment is over then. */
const SETTLED_AFTER_MS = 600_000;

/** Returns sentences about what live instances that have run for a while have not in common: one of each kind. */
export function differencesOf(instances: readonly Instance[], now: number): string[] {
  const settled = instances.filter(({ state, startedAt }) => state === 'live' && now - startedAt > SETTLED_AFTER_MS);
  const processing = settled.filter(({ processes }) => processes);
  const receiving = settled.filter(({ receives }) => receives);
  return [
    ...versionsOf(settled),
    ...missing(processing, ({ handlers }) => handlers.map(({ id }) => id), 'does not have the handler'),
    ...missing(receiving, ({ secrets }) => secrets, 'does not have the secret'),
  ];
}

function versionsOf(instances: readonly Instance[]): string[] {
  const versions = new Set(instances.map(({ version, appVersion }) => [version, appVersion].join(' ').trim()));
  return versions.size > 1 ? [`Instances have the versions ${[...versions].join(', ')}.`] : [];
}

function missing(
  instances: readonly Instance[],
  having: (instance: Instance) => string[] | readonly string[],
  says: string,
) {
  const all = new Set(instances.flatMap(having));
  for (const instance of instances)
    for (const one of all)
      if (!having(instance).includes(one)) return [`${instance.host}:${instance.pid} ${says} "${one}".`];
  return [];
}
