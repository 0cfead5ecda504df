import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Report {
  readonly numPassedTests: number;
  readonly testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[] }[];
}

/** Jest, as `npm test` starts it, on the tests that let canaries out. */
async function report(): Promise<Report> {
  const args = ['node_modules/jest/bin/jest.js', '--runInBand', '--json', '--testMatch', '**/leaking.fixture.ts'];
  const ended = promisify(execFile)(process.execPath, ['--experimental-vm-modules', ...args], { cwd: root });
  const { stdout, code } = await ended.then(
    (done) => ({ ...done, code: 0 }),
    (failed: { stdout: string; code: number }) => failed,
  );
  expect(code).toBe(1);
  const [json = ''] = stdout.slice(stdout.indexOf('{"num')).split('\n'); // Jest may have a remark behind it
  return JSON.parse(json) as Report;
}

describe('a test that lets a canary out', () => {
  let told: Report;

  beforeAll(async () => {
    told = await report();
  }, 60_000);

  it('fails, wherever it does', () => {
    const results = told.testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(results.length).toBeGreaterThan(10);
    expect(results.filter(({ status }) => status !== 'failed').map(({ title }) => title)).toEqual([]);
    expect(
      results
        .filter(({ failureMessages: [message = ''] }) => !/nobody may see/.test(message))
        .map(({ title }) => title),
    ).toEqual([]);
  });
});
