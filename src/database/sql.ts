/** A statement whose values are bound, never written into its text. */
export class Sql {
  constructor(
    readonly strings: readonly string[],
    readonly values: readonly unknown[],
  ) {}

  /** @param placeholder how the database writes its n-th parameter, counted from 1 */
  render(placeholder: (n: number) => string): { text: string; parameters: unknown[] } {
    const parameters: unknown[] = [];
    const text = this.append(parameters, placeholder);
    return { text, parameters };
  }

  private append(parameters: unknown[], placeholder: (n: number) => string): string {
    let text = this.strings[0] ?? '';
    this.values.forEach((value, index) => {
      if (value instanceof Sql) text += value.append(parameters, placeholder);
      else text += placeholder(parameters.push(value));
      text += this.strings[index + 1];
    });
    return text;
  }
}

export function sql(strings: TemplateStringsArray, ...values: unknown[]): Sql {
  return new Sql(strings, values);
}

/** Text of our own that is no value: a table, a column list. */
export function raw(text: string): Sql {
  return new Sql([text], []);
}

export function join(values: readonly unknown[]): Sql {
  return new Sql(['', ...values.slice(1).map(() => ', '), ''].slice(0, values.length + 1), values);
}
