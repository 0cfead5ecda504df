import { invalidBody } from './dashboard.exception.js';

const MAX_HANDLERS = 100;

/** @throws DashboardException 400 if a body has fields */
export function assertNoFields(body: Readonly<Record<string, unknown>>): void {
  const [name] = Object.keys(body);
  if (name !== undefined) throw invalidBody(`"${name}" is unknown. Send {}.`);
}

/** Reads the fields of a body. One that is unknown or ill-typed is refused. */
export class BodyParser {
  constructor(
    private readonly body: Readonly<Record<string, unknown>>,
    known: readonly string[],
  ) {
    for (const name of Object.keys(body))
      if (!known.includes(name)) throw invalidBody(`"${name}" is unknown. Known are ${known.join(', ')}.`);
  }

  /** Returns a text of these lengths; undefined if it is not there. */
  optionalText(name: string, { from = 1, to }: { from?: number; to: number }): string | undefined {
    const value = this.body[name];
    if (value === undefined) return undefined;
    const length = typeof value === 'string' ? value.trim().length : -1;
    if (length < from || length > to || (value as string).includes('\0'))
      throw invalidBody(`"${name}" must be a text of ${from} to ${to} characters.`);
    return (value as string).trim();
  }

  text(name: string, lengths: { from?: number; to: number }): string {
    const value = this.optionalText(name, lengths);
    if (value === undefined) throw invalidBody(`"${name}" is missing.`);
    return value;
  }

  /** Returns a tenant, which may be empty; undefined if it is not there. */
  tenant(name: string): string | undefined {
    return this.body[name] === '' ? '' : this.optionalText(name, { to: 255 });
  }

  handlers(name: string): string[] | undefined {
    const value = this.body[name];
    if (value === undefined) return undefined;
    const isList = Array.isArray(value) && value.every((one) => typeof one === 'string');
    if (!isList || value.length === 0 || value.length > MAX_HANDLERS)
      throw invalidBody(`"${name}" must be a list of ids of handlers. Leave it out for those that have not completed.`);
    return value as string[];
  }

  optionalNumber(name: string, from: number, to: number): number | undefined {
    const value = this.body[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !(value >= from && value <= to))
      throw invalidBody(`"${name}" must be a number from ${from} to ${to}.`);
    return value;
  }

  number(name: string, from: number, to: number): number {
    const value = this.optionalNumber(name, from, to);
    if (value === undefined) throw invalidBody(`"${name}" is missing.`);
    return value;
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.body[name];
    if (!choices.includes(value as T)) throw invalidBody(`"${name}" must be one of ${choices.join(', ')}.`);
    return value as T;
  }

  object(name: string): Readonly<Record<string, unknown>> {
    const value = this.body[name];
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw invalidBody(`"${name}" must be an object.`);
    return value as Record<string, unknown>;
  }
}
