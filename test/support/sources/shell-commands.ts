import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../../../src/cli/program.js';

/** What npm does by itself. */
const NPM = new Set(['ci', 'install', 'start', 'test', 'run']);
/** Programs of the system that documents may use. */
const SYSTEM = new Set(['curl', 'export', 'cd', 'git', 'psql', 'npm', 'npx', 'node', 'docker']);
const TYPEORM = new Set(['migration:run', 'migration:show', 'migration:revert', 'migration:generate']);

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/** The commands of a block: without comments, output, and what stands between quotes. */
export function commandsOf(code: string): string[] {
  return code
    .replaceAll(/\\\n\s*/g, ' ')
    .replaceAll(/'[^']*'|"[^"]*"/g, 'quoted')
    .split(/\n|&&|\|(?!\|)/)
    .map((command) => command.replace(/(^|\s)#.*$/, '').trim())
    .filter((command) => command !== '');
}

/** What does not exist of what a command names; nothing when all of it does. */
export function unknownIn(command: string): string | undefined {
  const words = command.replace(/ > \S+$/, '').split(/\s+/);
  while (/^[A-Z_\d]+=/.test(words[0] ?? '')) words.shift(); // variables before a command
  const [name = '', ...rest] = words;
  if (!SYSTEM.has(name)) return `the program "${name}"`;
  if (name === 'npm') return unknownOfNpm(rest);
  if (name === 'npx') return unknownOfNpx(rest);
  if (name === 'node') return unknownFile(rest.find((word) => !word.startsWith('-')) ?? '');
  return undefined;
}

function unknownOfNpm([command = '', ...rest]: string[]): string | undefined {
  if (!NPM.has(command)) return `npm ${command}`;
  const script = command === 'run' ? (rest.find((word) => !word.startsWith('-')) ?? '') : command;
  if (!['ci', 'install'].includes(script) && !Object.hasOwn(scripts, script)) return `the script "${script}"`;
  return script === 'typeorm' ? unknownOfTypeorm(rest.slice(rest.indexOf('--') + 1)) : undefined;
}

function unknownOfNpx([name = '', ...rest]: string[]): string | undefined {
  if (name === 'typeorm') return unknownOfTypeorm(rest);
  if (name !== 'nestjs-cr3dentials-webhook') return `npx ${name}`;
  let command = program();
  const words = [...rest];
  while (command.commands.length > 0) {
    const subcommand = words.shift();
    const found = command.commands.find((one) => one.name() === subcommand);
    if (!found) return `the subcommand "${subcommand}"`;
    command = found;
  }
  const known = new Set(command.options.map(({ long }) => long));
  return words.find((word) => word.startsWith('--') && !known.has(word));
}

function unknownOfTypeorm(words: string[]): string | undefined {
  const command = words.find((word) => !word.startsWith('-')) ?? '';
  return TYPEORM.has(command) ? undefined : `typeorm ${command}`;
}

/** A compiled file is known by its source. */
function unknownFile(file: string): string | undefined {
  const source = file.replace('examples/dist/', 'examples/').replace(/\.js$/, '.ts');
  return existsSync(join('.', source)) || existsSync(file) ? undefined : `the file "${file}"`;
}
