/**
 * Sums up a run of `.ci/run`: tells each failure once more, where it is found, and then the totals.
 *
 * Arguments: the folder of the reports, the number of steps that failed, the number of harnesses that passed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const [folder, failedSteps, passedHarnesses] = process.argv.slice(2);
const failures = read('failed-steps.txt').split('\n').filter(Boolean);
let passed = Number(passedHarnesses);
let failed = 0;
const files = [];
const unstable = [];

const hosts = read('compat.txt');
const totals = /^(\d+) passed, (\d+) failed$/m.exec(hosts);
if (totals) {
  passed += Number(totals[1]);
  failed += Number(totals[2]);
}
failures.push(...hosts.split(/^(?=ok |FAILED |\d+ passed)/m).filter((part) => part.startsWith('FAILED')));

for (const name of ['test', 'all', 'sealed', 'browser']) {
  const suites = suitesOf(name);
  const again = new Map(suitesOf(`${name}.again`).map((suite) => [suite.name, suite]));
  files.push(...suites.map(({ name: file, startTime, endTime }) => [endTime - startTime, name, file]));
  for (const suite of suites) {
    const last = again.get(suite.name) ?? suite;
    const failing = failuresOf(last);
    passed += last.assertionResults.filter(({ status }) => status === 'passed').length;
    failed += failing.length;
    failures.push(...failing.map((failure) => `FAILED ${failure}`));
    if (last !== suite && failing.length === 0)
      unstable.push(...failuresOf(suite).map((failure) => `UNSTABLE, passed when it was run again: ${failure}`));
  }
}

console.log('The files of tests that took longest:');
for (const [milliseconds, name, file] of files.toSorted(([a], [b]) => b - a).slice(0, 15))
  console.log(`${String(Math.round(milliseconds / 1000)).padStart(4)} s ${name} ${relative('.', file)}`);
failed = Math.max(failed, Number(failedSteps));
for (const failure of [...unstable, ...failures]) console.log(failure);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 1 ? 0 : 1;

function suitesOf(name) {
  const report = read(`${name}.json`);
  return report ? JSON.parse(report).testResults : [];
}

/** A file that could not be loaded has no test that failed. */
function failuresOf({ status, name, message, assertionResults }) {
  const tests = assertionResults.filter((test) => test.status === 'failed');
  if (status === 'failed' && tests.length === 0) return [`${name}\n${message}`];
  return tests.map(({ fullName, failureMessages }) => `${fullName}\n${failureMessages.join('\n')}`);
}

function read(name) {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
