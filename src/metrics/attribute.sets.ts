import type { ErrorTypes } from './error.types.js';
import type { AttributeKey } from './metric.definitions.js';

/** Attributes of a measurement, under the names that the monitoring system has for them. */
export type Attributes = Readonly<Record<string, string>>;

type Value = string | undefined;

/** Sets whose values begin alike. */
interface Branch {
  readonly own: Attributes;
  readonly longer: Map<Value, Branch>;
}

/**
 * Sets of attributes of one meter, made once each: to make them is most of the cost of a measurement. Their number is
 * bounded by the values, which are those of the code.
 */
export class AttributeSets {
  readonly #root: Branch = { own: {}, longer: new Map() };
  /** Place of the type of an error among the keys. */
  readonly #errorAt: number;

  /**
   * @param keys in the order in which values are given
   * @param nameOf returns the name of an attribute in the monitoring system
   */
  constructor(
    private readonly keys: readonly AttributeKey[],
    private readonly nameOf: (key: AttributeKey) => string,
    private readonly errors: ErrorTypes,
  ) {
    this.#errorAt = keys.indexOf('error.type');
  }

  /** Returns the set of these values; one that is undefined is left out. Not an array: it would cost more than the rest. */
  of(first?: string, second?: string, third?: string): Attributes {
    const { length } = this.keys;
    let branch = this.#root;
    if (length > 0) branch = this.#next(branch, 0, first);
    if (length > 1) branch = this.#next(branch, 1, second);
    if (length > 2) branch = this.#next(branch, 2, third);
    return branch.own;
  }

  #next({ own, longer }: Branch, at: number, given: Value): Branch {
    const value = at === this.#errorAt && given !== undefined ? this.errors.of(given) : given;
    const known = longer.get(value);
    if (known) return known;
    const key = this.keys[at];
    const set = key === undefined || value === undefined ? own : { ...own, [this.nameOf(key)]: value };
    const made = { own: set, longer: new Map<Value, Branch>() };
    longer.set(value, made);
    return made;
  }
}
