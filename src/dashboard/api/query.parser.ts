import { invalidFilter } from './dashboard.exception.js';

const MAX_TEXT_LENGTH = 512;

/** @throws DashboardException 400 if an address has conditions */
export function assertNoConditions(query: URLSearchParams): void {
  const [name] = query.keys();
  if (name !== undefined) throw invalidFilter(`"${name}" is unknown. This list has no conditions.`);
}

/** Reads the conditions of an address. One that is unknown or ill-typed is refused: ignored, it would show too much. */
export class QueryParser {
  constructor(
    private readonly query: URLSearchParams,
    known: readonly string[],
  ) {
    for (const name of query.keys())
      if (!known.includes(name)) throw invalidFilter(`"${name}" is unknown. Known are ${known.join(', ')}.`);
  }

  /** Returns a text that may be empty; undefined if it is not there. */
  anyText(name: string, most = MAX_TEXT_LENGTH): string | undefined {
    const all = this.query.getAll(name);
    const [value] = all;
    if (all.length > 1) throw invalidFilter(`"${name}" is there more than once.`);
    if (value !== undefined && (value.length > most || value.includes('\0')))
      throw invalidFilter(`"${name}" must be a text of up to ${most} characters.`);
    return value;
  }

  /** Returns a text; undefined if it is empty or not there. */
  text(name: string, most?: number): string | undefined {
    return this.anyText(name, most) || undefined;
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value !== undefined && !choices.includes(value as T))
      throw invalidFilter(`"${name}" must be one of ${choices.join(', ')}.`);
    return value as T | undefined;
  }

  whole(name: string, from: number, to: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!Number.isInteger(number) || number < from || number > to)
      throw invalidFilter(`"${name}" must be a whole number from ${from} to ${to}.`);
    return number;
  }

  /** Returns epoch milliseconds. */
  time(name: string): number | undefined {
    return this.whole(name, 0, 8_640_000_000_000_000);
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    if (value !== undefined && !Number.isFinite(Number(value))) throw invalidFilter(`"${name}" must be a number.`);
    return value === undefined ? undefined : Number(value);
  }
}
