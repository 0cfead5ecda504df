/**
 * A large inbox, asked by the page: how long every answer takes, how long the event loop stops, and what open pages
 * cost the receiver. `npm run test:dashboard-scale -- --rows 5000000 --database postgres`.
 */
import { withCleanup } from '../chaos/cleanup.js';
import { readArguments } from './arguments.js';
import { Client } from './client.js';
import { databaseOf } from './databases.js';
import { addInstances, fill } from './fill.js';
import { Instance } from './instance.js';
import { measure, type RouteFigures } from './measure.js';
import { costOfPages } from './open-pages.js';
import { previews, questions } from './routes.js';

const MAX_ANSWER_MS = 300;
/** The driver of SQLite stops the process while a query runs. */
const MAX_STOP_MS = 50;
const MIN_RATE = 0.98;
const MAX_PREVIEWS = 3;

const { database: kind, rows, rounds, loads, keep } = readArguments();
const broken: string[] = [];

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printTable(figures: readonly RouteFigures[]): void {
  print('| route | p50 ms | p95 ms | max ms | longest stop ms |\n| --- | ---: | ---: | ---: | ---: |');
  for (const { name, p50, p95, max, stop } of figures)
    print(`| ${[name, ...[p50, p95, max, stop].map((ms) => ms.toFixed(0))].join(' | ')} |`);
}

function judge({ name, p95, stop }: RouteFigures): void {
  if (kind === 'sqlite' && stop > MAX_STOP_MS)
    broken.push(`${name}: the event loop stopped for ${Math.round(stop)} ms`);
  if (kind !== 'sqlite' && p95 > MAX_ANSWER_MS) broken.push(`${name}: p95 is ${Math.round(p95)} ms`);
}

await withCleanup(async () => {
  const options = await databaseOf(kind, keep);
  const begun = performance.now();
  await fill(kind, options, rows);
  print(`${kind}: ${rows} deliveries, filled in ${Math.round((performance.now() - begun) / 1_000)} s.\n`);
  const instance = await Instance.start(options);
  await addInstances(kind, options);
  if (rounds > 0) {
    const client = new Client(instance.url);
    const figures = await measure(instance, await questions(client, Date.now()), rounds);
    client.close();
    printTable(figures);
    figures.forEach(judge);
    print('\nNot judged, because they count all that a bulk operation would do:\n');
    printTable(await measure(instance, previews(), Math.min(rounds, MAX_PREVIEWS)));
  }
  if (loads > 0) {
    const { rateAlone, rate, cpuPerPost, busy } = await costOfPages(instance, loads);
    print(
      `\n50 open pages, ratios of medians to ${Math.round(rateAlone)} POSTs a second without: acknowledged ${percent(rate)}, processor time of each ${percent(cpuPerPost)}; ${busy} polls answered 503.`,
    );
    if (rate < MIN_RATE) broken.push(`50 open pages: ${percent(rate)} of the POSTs were acknowledged`);
  }
  for (const line of broken) print(`FAILED  ${line}`);
  if (broken.length > 0) process.exitCode = 1;
});

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`;
}
