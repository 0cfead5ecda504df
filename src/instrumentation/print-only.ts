import { inspect } from 'node:util';

/**
 * Has `console.log`, and the loggers that inspect, print only these fields of an object: its ids. `JSON.stringify` and
 * copies have all fields, because brokers need them. Not a method of the classes, because its name would have to be in
 * the types of the package, which do without those of Node.
 *
 * @param target the object, or the prototype of its class
 * @param name what it is called; without one, its class
 */
export function printOnly<T extends object>(target: T, fields: readonly (keyof T & string)[], name?: string): T {
  return Object.defineProperty(target, inspect.custom, {
    value(this: T): string {
      const shown = Object.fromEntries(fields.map((field) => [field, this[field]]));
      return `${name ?? this.constructor.name} ${inspect(shown)}`;
    },
  });
}
