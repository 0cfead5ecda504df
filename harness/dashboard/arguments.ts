import { parseArgs } from 'node:util';
import { databaseKinds, type DatabaseKind } from './databases.js';

export interface Arguments {
  readonly database: DatabaseKind;
  /** Deliveries in the inbox. */
  readonly rows: number;
  /** Calls of each route. */
  readonly rounds: number;
  /** Rounds of load, half of them with open pages. */
  readonly loads: number;
  /** Name of a database that is filled only if it is empty, and kept. */
  readonly keep: string | undefined;
}

export function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      database: { type: 'string', default: 'postgres' },
      rows: { type: 'string', default: '50000' },
      rounds: { type: 'string', default: '20' },
      loads: { type: 'string', default: '20' },
      keep: { type: 'string' },
    },
  });
  const database = databaseKinds.find((kind) => kind === values.database);
  if (!database) throw new Error(`--database must be one of ${databaseKinds.join(', ')}.`);
  if (values.keep !== undefined && !/^\w+$/.test(values.keep)) throw new Error('--keep must be a name of letters.');
  const whole = (name: 'rows' | 'rounds' | 'loads') => {
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} must be a whole number.`);
    return number;
  };
  return { database, rows: whole('rows'), rounds: whole('rounds'), loads: whole('loads'), keep: values.keep };
}
