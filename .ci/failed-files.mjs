/** Prints the files of tests that failed in a report of Jest, one a line. Argument: the report. */
import { existsSync, readFileSync } from 'node:fs';

const [report] = process.argv.slice(2);
const suites = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).testResults : [];
for (const { name, status } of suites) if (status === 'failed') console.log(name);
