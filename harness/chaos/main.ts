import './environment.js';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { chosen } from './arguments.js';
import { cleanly } from './cleaning.js';
import { runCampaign, type Results } from './campaign.js';
import { merged } from './report/merged.js';
import { writeDocument } from './report/document.js';

/** Beside what the file has of other faults and databases: a campaign may be held in parts. */
async function keep(file: string, results: Results): Promise<void> {
  const before = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Results) : undefined;
  await writeFile(file, `${JSON.stringify(before ? merged(before, results) : results, undefined, 2)}\n`);
}

const choices = chosen(process.argv.slice(2));

if (choices.document) writeDocument('docs/reliability.md', choices.document);
else
  await cleanly(async () => {
    const { results, failures } = await runCampaign(choices, (line) => process.stdout.write(`${line}\n`));
    if (choices.out) await keep(choices.out, results);
    for (const failure of failures) process.stderr.write(`FAILED: ${failure}\n`);
    if (failures.length > 0) process.exitCode = 1;
  });
