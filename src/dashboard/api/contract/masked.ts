/**
 * Value of a body as far as it is shown. `hidden` tells the type alone, neither value nor length.
 *
 * @publicApi
 */
export type MaskedValue =
  | {
      /** A documented field that identifies nobody. */
      kind: 'shown';
      /** Its value. */
      value: string | number | boolean | null;
    }
  | {
      /** A value that is not shown. */
      kind: 'hidden';
      /** Its type. */
      type: 'text' | 'number' | 'boolean' | 'null';
    }
  | {
      /** A list. */
      kind: 'list';
      /** Number of its items. */
      length: number;
      /** The first 20 of them, masked. */
      items: MaskedValue[];
    }
  | {
      /** An object. */
      kind: 'object';
      /** Its first 200 fields. */
      fields: MaskedField[];
      /** True if there are more. */
      isCut: boolean;
    }
  | {
      /** Not shown any further: it is nested too deep, or cannot be masked. */
      kind: 'cut';
    }
  | {
      /** What `mask` of the host has returned. */
      kind: 'custom';
      /** As it was returned. */
      value: unknown;
    };

/**
 * Field of a masked object.
 *
 * @publicApi
 */
export interface MaskedField {
  /** Name of the field, which is shown. */
  name: string;
  /** Its value, masked. */
  value: MaskedValue;
}

/**
 * Difference of two bodies at one place. It has values only if the field is one that is shown.
 *
 * @publicApi
 */
export interface Change {
  /** Such as `extractedData.accounts[0].number`. */
  path: string;
  /** What is different. */
  change: 'added' | 'removed' | 'changed';
  /** Value before, if the field is one that is shown. */
  before?: MaskedValue;
  /** Value after, likewise. */
  after?: MaskedValue;
}
