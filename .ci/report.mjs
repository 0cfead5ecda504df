/**
 * Sums up a run of `.ci/run`: tells each failure once more, where it is found, and then the totals.
 *
 * Arguments: the folder of the reports, the number of steps that failed, the number of harnesses that passed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, failedSteps, passedHarnesses] = process.argv.slice(2);
const failures = read('failed-steps.txt').split('\n').filter(Boolean);
let passed = Number(passedHarnesses);
let failed = 0;

const hosts = read('compat.txt');
const totals = /^(\d+) passed, (\d+) failed$/m.exec(hosts);
if (totals) {
  passed += Number(totals[1]);
  failed += Number(totals[2]);
}
failures.push(...hosts.split(/^(?=ok |FAILED |\d+ passed)/m).filter((part) => part.startsWith('FAILED')));

for (const name of ['test.json', 'all.json']) {
  if (!existsSync(join(folder, name))) continue;
  const report = JSON.parse(read(name));
  passed += report.numPassedTests;
  failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
  for (const suite of report.testResults.filter(({ status }) => status === 'failed')) {
    const tests = suite.assertionResults.filter(({ status }) => status === 'failed');
    if (tests.length === 0) failures.push(`FAILED ${suite.name}\n${suite.message}`);
    for (const test of tests) failures.push(`FAILED ${test.fullName}\n${test.failureMessages.join('\n')}`);
  }
}

failed = Math.max(failed, Number(failedSteps));
for (const failure of failures) console.log(failure);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 1 ? 0 : 1;

function read(name) {
  const file = join(folder, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
