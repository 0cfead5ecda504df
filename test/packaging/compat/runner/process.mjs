import { execFile } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * What a command says, or an error that holds it.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 */
export async function output(command, args, { cwd, env = {} } = {}) {
  try {
    const { stdout } = await run(command, args, { cwd, env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
    return stdout;
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().split('\n').slice(-30).join('\n');
    throw new Error(`${command} ${args.join(' ')} failed.\n${said || error.message}`, { cause: error });
  }
}

/**
 * An environment in which `node`, and what npm and others start with it, is this one.
 *
 * @param {{ bin: string }} node
 */
export function under({ bin }) {
  return { PATH: `${dirname(bin)}${delimiter}${process.env.PATH}`, NO_COLOR: '1', FORCE_COLOR: '0' };
}
