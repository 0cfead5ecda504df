import { InvalidArgumentError, Option } from 'commander';

/** An option that takes some of the values, separated by commas. @default all of them */
export function listOption<T extends string>(flags: string, description: string, values: readonly T[]): Option {
  return new Option(flags, `${description}: ${values.join(', ')}`)
    .default(values, 'all')
    .argParser((text) => text.split(',').map((name) => oneOf(name, values)));
}

function oneOf<T extends string>(name: string, values: readonly T[]): T {
  const value = values.find((one) => one === name);
  if (value === undefined) throw new InvalidArgumentError(`"${name}" is none of ${values.join(', ')}.`);
  return value;
}
