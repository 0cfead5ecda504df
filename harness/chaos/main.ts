import './environment.js';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { parseArguments } from './arguments.js';
import { withCleanup } from './cleanup.js';
import { runCampaign, type Results } from './campaign.js';
import { merged } from './report/merged.js';
import { writeDocument } from './report/document.js';

/** Adds the results to those of other faults and databases in the file: a campaign may be run in parts. */
async function saveResults(file: string, results: Results): Promise<void> {
  const before = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Results) : undefined;
  await writeFile(file, `${JSON.stringify(before ? merged(before, results) : results, undefined, 2)}\n`);
}

const choices = parseArguments(process.argv.slice(2));

if (choices.document) writeDocument('docs/reliability.md', choices.document);
else
  await withCleanup(async () => {
    const { results, failures } = await runCampaign(choices, (line) => process.stdout.write(`${line}\n`));
    if (choices.out) await saveResults(choices.out, results);
    for (const failure of failures) process.stderr.write(`FAILED: ${failure}\n`);
    if (failures.length > 0) process.exitCode = 1;
  });
