import { readFile } from 'node:fs/promises';
import { reportOf } from './groups.js';

const MIN_SCORE_PERCENT = 90;
const CONTEXT_CHARS = 30;
const MAX_NAME_CHARS = 120;
const DOCUMENT = new URL('../../docs/mutation-testing.md', import.meta.url);
const NOTICED = new Set(['Killed', 'Timeout']);
const MISSED = new Set(['Survived', 'NoCoverage']);

/** The score of each group and of all of them, and every survivor that the document does not explain, or wrongly does. */
export async function score(groups) {
  const explained = explanations(await readFile(DOCUMENT, 'utf8'));
  const rows = [];
  const problems = [];
  for (const group of groups) {
    const mutants = await mutantsOf(group);
    const missed = mutants.filter(({ status }) => MISSED.has(status)).map(nameOf);
    rows.push({ group, noticed: mutants.filter(({ status }) => NOTICED.has(status)).length, missed: missed.length });
    const files = new Set(mutants.map(({ file }) => file));
    const known = explained.filter((name) => files.has(name.split(':')[0]));
    problems.push(...without(missed, known).map((name) => `survives unexplained: ${name}`));
    problems.push(...without(known, missed).map((name) => `is explained and does not survive: ${name}`));
  }
  if (rows.length > 1) rows.push({ group: 'all', noticed: sum(rows, 'noticed'), missed: sum(rows, 'missed') });
  for (const row of rows) row.score = (100 * row.noticed) / (row.noticed + row.missed);
  problems.push(
    ...rows
      .filter((row) => !(row.score >= MIN_SCORE_PERCENT))
      .map(({ group }) => `is below ${MIN_SCORE_PERCENT} %: the score of ${group}`),
  );
  return { rows: rows.map((row) => ({ ...row, score: `${row.score.toFixed(1)} %` })), problems };
}

async function mutantsOf(group) {
  const { files } = JSON.parse(await readFile(reportOf(group), 'utf8'));
  return Object.entries(files).flatMap(([file, { source, mutants }]) =>
    mutants.map((mutant) => ({ ...mutant, file, original: between(source, mutant.location) })),
  );
}

/** Without its line, which moves, and with no more of the code than says where in it the change is. */
function nameOf({ file, original, replacement = '' }) {
  const [before, after] = [original, replacement].map((code) => code.replace(/\s+/g, ' ').replaceAll('`', '"'));
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  while (end < Math.min(before.length, after.length) - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return `${file}: ${around(before, start, end)} → ${around(after, start, end)}`;
}

function around(code, start, end) {
  const from = start > CONTEXT_CHARS + 5 ? start - CONTEXT_CHARS : 0;
  const to = end > CONTEXT_CHARS + 5 ? code.length - end + CONTEXT_CHARS : code.length;
  const part = code.slice(from, to);
  const short = part.length > MAX_NAME_CHARS ? `${part.slice(0, MAX_NAME_CHARS - 25)} … ${part.slice(-25)}` : part;
  return `${from > 0 ? '…' : ''}${short}${to < code.length ? '…' : ''}`;
}

function between(source, { start, end }) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  return lines.join('\n');
}

/** Each stands in a list, as code. */
function explanations(markdown) {
  return [...markdown.matchAll(/^- `(src\/.+?: .+)`/gm)].map(([, name]) => name);
}

/** One of a name explains one. */
function without(names, others) {
  const left = [...others];
  return names.filter((name) => {
    const index = left.indexOf(name);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}

function sum(rows, column) {
  return rows.reduce((total, row) => total + row[column], 0);
}
