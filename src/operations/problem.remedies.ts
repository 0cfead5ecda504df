import type { HealthProblem, HealthProblemCode } from './inbox.health.js';

/** What to do about each problem. `docs/operations.md` has more. */
const REMEDIES: Readonly<Record<HealthProblemCode, string>> = {
  'leases-not-renewed': 'Look for what blocks the event loop or the database, and restart the instance.',
  'worker-stuck': 'Restart the instance.',
  'queue-unavailable': 'Look at Redis. The handlers of its queues wait; nothing is lost.',
  'queue-stuck': 'Look whether Redis answers. Restart the instance if it does.',
  'schema-incomplete': 'Run the migrations.',
  draining: 'Wait until it has ended.',
  'database-unavailable': 'Look at the database. The provider sends again what is not acknowledged.',
  'not-durable': 'Set the durability that the log names at boot.',
  backlog: 'Look at the slowest handlers, raise processing.concurrency, or add instances.',
  'dead-letters': 'Group them by error, repair the cause, and replay them.',
  rejections: 'Look at each, then accept or discard it.',
  'secret-expires': 'Give the provider a new secret, and deploy it beside the old one before that expires.',
  'secrets-expired': 'Deploy a secret that is valid, and give it to the provider.',
  'inbox-full': 'Look at the database, which writes too slowly, or raise receiving.maxQueued.',
  'clock-apart': 'Set the clock of the machine by NTP.',
  'nobody-processes': 'Start an instance with processing.enabled.',
  unauthorized: 'Compare the secret in the portal of the provider with those that are configured.',
  unavailable: 'Look at the database. What the provider has given up stands in unrecorded().',
  'expired-secret-used': 'Put the new secret into the portal of the provider.',
  'instance-lost': 'Look whether it crashed or hangs. Other instances rescue its deliveries.',
  'instances-differ': 'Finish the deployment, or compare the configuration of the instances.',
};

/** Returns a problem with its remedy. */
export function problemOf(problem: Omit<HealthProblem, 'remedy'>): HealthProblem {
  return { ...problem, remedy: REMEDIES[problem.code] };
}
