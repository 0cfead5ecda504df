/** Statement whose values are bound, never written into its text. */
export class Sql {
  constructor(
    readonly strings: readonly string[],
    readonly values: readonly unknown[],
  ) {}

  /**
   * Returns the text and its parameters, in order.
   *
   * @param placeholder returns the n-th parameter as the database writes it, counted from 1
   */
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

/** Wraps text of our own that is no value: a table, a column list. Input must never get here. */
export function raw(text: string): Sql {
  return new Sql([text], []);
}

/** Returns the condition that each of them holds. */
export function allOf(conditions: readonly Sql[]): Sql {
  return conditions.length > 0
    ? new Sql(['(', ...conditions.slice(1).map(() => ' AND '), ')'], conditions)
    : raw('1 = 1');
}

/** Returns the condition that at least one of them holds. */
export function anyOf(conditions: readonly Sql[]): Sql {
  return new Sql(['(', ...conditions.slice(1).map(() => ' OR '), ')'], conditions);
}

export function join(values: readonly unknown[]): Sql {
  return new Sql(['', ...values.slice(1).map(() => ', '), ''].slice(0, values.length + 1), values);
}
