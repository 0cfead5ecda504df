import { InvalidArgumentError } from 'commander';
import { UsageError } from './usage.error.js';

const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * Returns the milliseconds of a text such as `30s`, `500ms`, `2m`, or a plain number of milliseconds.
 *
 * @throws InvalidArgumentError
 */
export function duration(text: string): number {
  const [, number, unit = 'ms'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Write it as 30s, 500ms or 500.');
  return Number(number) * MS_PER_UNIT[unit as keyof typeof MS_PER_UNIT];
}

export function wholeFrom(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least)
      throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`);
    return number;
  };
}

export function fraction(text: string): number {
  const number = Number(text);
  if (!/^[\d.]+$/.test(text) || !(number >= 0 && number < 1))
    throw new InvalidArgumentError('It must be a fraction of 1, such as 0.1.');
  return number;
}

export function shareOf(text: string): number {
  const number = Number(text);
  if (!/^[\d.]+$/.test(text) || !(number >= 0 && number <= 1))
    throw new InvalidArgumentError('It must be a share from 0 to 1, such as 0.2.');
  return number;
}

export function positive(text: string): number {
  const number = Number(text);
  if (!/^[\d.]+$/.test(text) || !(number > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return number;
}

/**
 * Returns the value of the environment variable, or undefined without a variable. The error does not repeat the name,
 * because a user may pass the secret itself by mistake.
 *
 * @throws UsageError when the variable is not set or empty
 */
export function secretFrom(
  variable: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (variable === undefined) return undefined;
  const secret = environment[variable];
  if (secret) return secret;
  throw new UsageError(
    'The variable that --secret-env names is not set. Pass the name of an environment variable, and export the secret in it.',
  );
}
