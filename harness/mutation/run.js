import { Stryker } from '@stryker-mutator/core';
import { groups, reportOf } from './groups.js';
import { score } from './score.js';
import { sqlMutator } from './sql.mutator.js';

// Stryker has no place for a mutator of one's own; its instrumenter asks those in this list.
const instrumenter = import.meta.resolve('@stryker-mutator/instrumenter');
const { allMutators } = await import(new URL('./mutators/index.js', instrumenter).href);
allMutators.push(sqlMutator);

const wanted = process.argv.slice(2);
const names = Object.keys(groups).filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));

process.env.TZ = 'Asia/Tokyo'; // where UTC and the server's own time are not the same
delete process.env.TEST_DATABASES; // on SQLite alone: every mutant meets a new database many times
for (const name of names) {
  const { files, specs } = groups[name];
  await new Stryker({
    mutate: files,
    testRunner: 'mocha',
    plugins: ['@stryker-mutator/mocha-runner'],
    mochaOptions: { spec: specs },
    testRunnerNodeArgs: ['--import', './harness/mutation/register.js'],
    coverageAnalysis: 'perTest',
    concurrency: 1,
    timeoutMS: 30_000, // a busy machine is not a mutant noticed
    maxTestRunnerReuse: 50,
    incremental: true,
    incrementalFile: reportOf(name, 'incremental.json'),
    reporters: ['progress-append-only', 'clear-text', 'html', 'json'],
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    jsonReporter: { fileName: reportOf(name) },
    htmlReporter: { fileName: reportOf(name, 'html') },
    tempDirName: '.build/stryker',
    ignorePatterns: ['bench', 'dist', '.demo', 'docs', 'test/packaging/compat', 'examples'],
  }).runMutationTest();
}

const { rows, problems } = await score(names);
process.stdout.write(
  `\n${rows.map(({ group, noticed, missed, score: percent }) => `${group}: ${percent} (${noticed} of ${noticed + missed})`).join('\n')}\n`,
);
for (const problem of problems) process.stdout.write(`${problem}\n`);
if (problems.length > 0) process.exitCode = 1;
