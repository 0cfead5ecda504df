import { describe, expect, it } from '@jest/globals';
import { verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { commandsOf, unknownIn } from '../support/sources/shell-commands.js';
import { run } from './command-line.js';

const SECRET = 'hunter2-hunter2-hunter2';
const noSecret =
  'error: Do not pass a secret on the command line. Export it, and pass the name of its variable with --secret-env.';
const url = ['--url', 'http://127.0.0.1:1/'];

describe('output that nobody reads any more', () => {
  it('ends the command without a word', async () => {
    expect((await run(['payload'], { isUnread: true })).err).toBe('');
  });
});

describe('wrong arguments', () => {
  it.each<[string, string[], string]>([
    ['no endpoint', ['simulate'], "error: required option '--url <url>' not specified"],
    [
      'a typo',
      ['simulate', ...url, '--secrt-env', 'X'],
      "error: unknown option '--secrt-env'\n(Did you mean --secret-env?)",
    ],
    ['a command that is none', ['simulat'], "error: unknown command 'simulat'\n(Did you mean simulate?)"],
    ['the secret itself', ['simulate', ...url, '--secret', SECRET], noSecret],
    ['the secret itself, joined', ['simulate', ...url, `--secret=${SECRET}`], noSecret],
    ['an unknown option with a value', ['simulate', ...url, `--key=${SECRET}`], "error: unknown option '--key'"],
    [
      'the secret in place of its variable',
      ['simulate', ...url, '--secret-env', SECRET],
      'error: The variable that --secret-env names is not set. Pass the name of an environment variable, and export the secret in it.',
    ],
    [
      'a header with its value',
      ['simulate', ...url, '--secret-env', 'KEY', '--header', `X-API-Key: ${SECRET}`],
      'error: The header must be the name of a header without its value, such as X-API-Key.',
    ],
    [
      'a header without a secret',
      ['simulate', ...url, '--header', 'X-API-Key'],
      'error: --header needs --secret-env: the name of the environment variable with the value of the header.',
    ],
    [
      'a password in the address',
      ['simulate', '--url', `http://user:${SECRET}@127.0.0.1:1/`],
      'error: The url must start with http:// or https://, and have no user name or password.',
    ],
    [
      'a secret no header can carry',
      ['simulate', ...url, '--secret-env', 'ODD'],
      'error: The secret must be printable ASCII, not empty, and without spaces at its start or end.',
    ],
    [
      'a status that is none',
      ['simulate', ...url, '--status', 'DONE'],
      "error: option '--status <status>' argument 'DONE' is invalid. Allowed choices are COMPLETED, PARTIAL_COMPLETE, ERROR, CANCELLED, TERMINATED.",
    ],
    [
      'a duration that is none',
      ['simulate', ...url, '--timeout', 'soon'],
      "error: option '--timeout <time>' argument 'soon' is invalid. Write it as 30s, 500ms or 500.",
    ],
    [
      'only duplicates',
      ['simulate', ...url, '--count', '4', '--duplicates', '0.9', '--conflicts', '0.25'],
      'error: --duplicates and --conflicts leave no first delivery to repeat. Lower them.',
    ],
    ['a file that is not there', ['resend', 'nowhere.json', ...url], 'error: nowhere.json cannot be read (ENOENT).'],
  ])('is answered with the remedy, and ends with 2: %s', async (_, args, message) => {
    const environment = { KEY: SECRET, ODD: `${SECRET}\n` };
    expect(await run(args, { environment })).toEqual({ code: 2, out: '', err: `${message}\n` });
    expect(message).not.toContain(SECRET);
  });
});

describe('help', () => {
  it.each([[['--help']], [['simulate', '--help']], [['payload', '--help']], [['resend', '--help']]])(
    'is printed and ends with 0: %j',
    async (args) => {
      const { code, out, err } = await run(args);
      expect([code, err]).toEqual([0, '']);
      expect(out).toMatch(/^Usage: nestjs-cr3dentials-webhook /);
    },
  );

  it.each(['simulate', 'payload', 'resend'])('of %s has examples, which can be run', async (command) => {
    const { out } = await run([command, '--help']);
    const examples = [...out.matchAll(/^ +\$ (.+)$/gm)].map(([, example = '']) => example);
    expect(examples.join('\n')).toContain(`npx nestjs-cr3dentials-webhook ${command}`);
    expect(examples.flatMap(commandsOf).map(unknownIn).filter(Boolean)).toEqual([]);
  });
});

describe('payload', () => {
  it('prints the payload of a seed, as the function makes it', async () => {
    const args = ['payload', '--seed', '7', '--status', 'PARTIAL_COMPLETE', '--platform', '2', '--session', 's-1'];
    const { code, out, err } = await run(args);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual(
      verificationPayload({ seed: '7', status: 'PARTIAL_COMPLETE', platformId: 2, sessionId: 's-1' }),
    );
  });

  it('prints another each time without a seed', async () => {
    const [first, second] = await Promise.all([run(['payload']), run(['payload'])]);
    expect(JSON.parse(first.out)).toMatchObject({ status: 'COMPLETED' });
    expect(second.out).not.toBe(first.out);
  });
});
