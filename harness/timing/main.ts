/**
 * Tells whether the time of a comparison shows how close a guess came: Welch's t-test in the manner of dudect, on the
 * function and on a whole POST, beside comparisons that do tell. It reports; what to make of it is the reader's.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { timeComparing, type Comparing } from './function-level.js';
import { OTHER_LENGTH, REFERENCE, guesses } from './guesses.js';
import { timePosting } from './http-level.js';
import { THRESHOLD, compare, isToldApart } from './welch.js';

interface Secrets {
  include(given: string, now: number): boolean;
}

/** The function is not exported by the package. This is the same copy that the app of `timePosting` has. */
const { SharedSecrets } = (await import(
  new URL('../../../dist/authentication/shared-secrets.js', import.meta.url).href
)) as { SharedSecrets: { new (secrets: string[]): Secrets; prototype: Secrets } };

const { values } = parseArgs({ options: { calls: { type: 'string' }, posts: { type: 'string' } } });
const calls = Number(values.calls ?? 50_000);
const posts = Number(values.posts ?? 20_000);
const given = guesses();
const { secret } = given;

const longer = `${secret}0`;

/** A way of comparing, with the secret and, for one class, with one of another length. */
function against(make: (secret: string) => (guess: string) => boolean): Comparing {
  const [same, other] = [make(secret), make(longer)];
  return (guess, name) => (name === OTHER_LENGTH ? other : same)(guess);
}

function untilItDiffers(guess: string, right: string): boolean {
  if (guess.length !== right.length) return false;
  for (let index = 0; index < right.length; index++)
    if (guess.charCodeAt(index) !== right.charCodeAt(index)) return false;
  return true;
}

const includes = against((right) => {
  const shared = new SharedSecrets([right]);
  return (guess) => shared.include(guess, 0);
});
const loops = against((right) => (guess) => untilItDiffers(guess, right));
const equals = against((right) => (guess) => guess === right);

process.stdout.write(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}, a secret of ${secret.length} characters, ` +
    `${calls} calls and ${posts} posts of each class. Told apart is what has |t| over ${THRESHOLD}.\n\n` +
    '| what | class | median | beside “all wrong” | t | told apart |\n| --- | --- | ---: | ---: | ---: | --- |\n',
);

for (const include of [includes, loops, equals]) timeComparing(include, given, 2_000); // until it is compiled
print('this module, function', timeComparing(includes, given, calls));
print('control: a loop that stops early, function', timeComparing(loops, given, calls));
print('control: `===`, function', timeComparing(equals, given, calls));
print('this module, POST', await timePosting(given, posts));
SharedSecrets.prototype.include = (guess) => untilItDiffers(guess, secret);
print('control: a loop that stops early, POST', await timePosting(given, posts));

function print(what: string, times: ReadonlyMap<string, readonly number[]>): void {
  const reference = times.get(REFERENCE) ?? [];
  for (const [name, measured] of times) {
    if (name === REFERENCE) continue;
    const found = compare(measured, reference);
    const numbers = [found.median, found.reference].map((nanoseconds) => `${nanoseconds} ns`);
    const told = isToldApart(found) ? 'yes' : 'no';
    process.stdout.write(`| ${[what, name, ...numbers, found.t.toFixed(1), told].join(' | ')} |\n`);
  }
}
