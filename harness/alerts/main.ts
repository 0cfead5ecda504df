/**
 * The app of examples/observed under the simulator, watched by a real Prometheus: every metric has data, and each fault
 * raises its alert and no other. `npm run test:alerts`; it needs Prometheus and the programs of PostgreSQL.
 */
import { withCleanup } from '../chaos/cleanup.js';
import { startByOneCommand } from './example.js';
import { play, scenarios } from './scenarios.js';
import { seriesOfADayWithFailures } from './series.js';

async function attempt(name: string, run: () => Promise<string[]>): Promise<boolean> {
  const begun = performance.now();
  const faults = await run().catch((error: unknown) => [String(error)]);
  const seconds = ((performance.now() - begun) / 1_000).toFixed(0);
  process.stdout.write(`${faults.length === 0 ? 'ok    ' : 'FAILED'}  ${name} (${seconds} s)\n`);
  for (const fault of faults) process.stdout.write(`        ${fault}\n`);
  return faults.length === 0;
}

await withCleanup(async () => {
  const results = await Promise.all([
    attempt('examples/observed starts by one command', startByOneCommand),
    attempt('every metric has data', seriesOfADayWithFailures),
    ...scenarios.map((scenario) =>
      attempt(`${scenario.name}: ${scenario.alerts.join(' and ')}, and no other alert`, () => play(scenario)),
    ),
  ]);
  if (results.includes(false)) process.exitCode = 1;
});
