/**
 * Checks the alert rules with promtool: they are valid, their tests pass, and a changed rule fails a test. Without
 * promtool it says so, and fails only in CI. Debian has it in the package "prometheus".
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RULES = 'prometheus-alerts.yml';
const TESTS = ['prometheus-alerts.test.yml', 'prometheus-alerts.long.test.yml'];
const source = join(import.meta.dirname, '../observability');

/** Changes of a rule, each of which would make it useless. A rule needs one that applies. */
const mutations = [
  {
    what: 'compares the other way round',
    from: /(?<=[)\]}\d] )([<>])(?= [\d.])/,
    to: (sign) => (sign === '>' ? '<' : '>'),
  },
  {
    what: 'compares with a hundred times as much',
    from: /(?<=[<>] )([\d.]+)(?=\n)/,
    to: (number) => (Number(number) > 0 ? `${number}e2` : '1e9'),
  },
  { what: 'asks for inequality', from: /==(?= 0)/, to: () => '!=' },
  { what: 'adds up what all instances share', from: /max(?=\(cr3dentials_webhook_inbox)/, to: () => 'sum' },
  { what: 'looks at another verdict', from: /(?<=verdict=~?")\w+/, to: () => 'invalid' },
  { what: 'asks for presence', from: /absent\((.+)\)/, to: (_, asked) => asked },
];

function promtool(...args) {
  return spawnSync('promtool', args, { encoding: 'utf8' });
}

/** Runs the tests, or only the files that name a rule. */
function testIn(folder, name = '') {
  const files = TESTS.map((file) => join(folder, file)).filter((file) => readFileSync(file, 'utf8').includes(name));
  return promtool('test', 'rules', ...files);
}

/** Returns the rules one by one, with their places in the text. */
function rulesOf(text) {
  const starts = [...text.matchAll(/^ {6}- alert: (\w+)$/gm)].map(({ index, 1: name }) => ({ index, name }));
  return starts.map(({ index, name }, n) => ({ name, from: index, to: starts[n + 1]?.index ?? text.length }));
}

function unnoticed(folder) {
  const text = readFileSync(join(folder, RULES), 'utf8');
  const missed = [];
  let count = 0;
  for (const { name, from, to } of rulesOf(text)) {
    const rule = text.slice(from, to);
    const expression = rule.slice(0, rule.search(/\n {8}(for|labels):/) + 1);
    const mutants = mutations
      .map(({ what, from: pattern, to: into }) => ({ what, changed: expression.replace(pattern, into) }))
      .filter(({ changed }) => changed !== expression);
    if (mutants.length === 0) missed.push(`${name} has no mutant`);
    for (const { what, changed } of mutants) {
      count++;
      writeFileSync(
        join(folder, RULES),
        text.slice(0, from) + changed + rule.slice(expression.length) + text.slice(to),
      );
      if (testIn(folder, name).status === 0) missed.push(`${name} ${what}`);
    }
  }
  writeFileSync(join(folder, RULES), text);
  return { missed, count };
}

function main() {
  if (promtool('--version').error) {
    process.stderr.write('promtool is not installed, so the alert rules were not tested (Debian: prometheus).\n');
    return process.env.CI ? 1 : 0;
  }
  const folder = mkdtempSync(join(tmpdir(), 'rules-'));
  try {
    for (const name of [RULES, ...TESTS]) copyFileSync(join(source, name), join(folder, name));
    for (const result of [promtool('check', 'rules', join(folder, RULES)), testIn(folder)]) {
      if (result.status === 0) continue;
      process.stderr.write(`${result.stdout}${result.stderr}`);
      return 1;
    }
    const { missed, count } = unnoticed(folder);
    for (const one of missed) process.stderr.write(`No test notices that ${one}.\n`);
    process.stdout.write(`The rules pass their tests, which notice ${count - missed.length} of ${count} changes.\n`);
    return missed.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

process.exitCode = main();
