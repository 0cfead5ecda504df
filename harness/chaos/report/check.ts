import '../environment.js';
import { readFileSync } from 'node:fs';
import type { Results } from '../campaign.js';
import { faults } from '../faults/index.js';
import { missingIn } from './completeness.js';
import { DOCUMENT, resultsIn } from './document.js';

// Before a release: CI only checks that the documents show what the results say.
const file = resultsIn(readFileSync(DOCUMENT, 'utf8'));
const missing = missingIn(JSON.parse(readFileSync(file, 'utf8')) as Results, faults);
for (const sentence of missing) process.stderr.write(`${file}: ${sentence}\n`);
process.stdout.write(missing.length === 0 ? `${file} is complete.\n` : '');
process.exitCode = missing.length === 0 ? 0 : 1;
