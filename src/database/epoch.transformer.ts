import type { ValueTransformer } from 'typeorm';

/** Reads epoch milliseconds as a number, which they fit. Drivers read a bigint as a string. */
export const epochTransformer: ValueTransformer = {
  to: (value: number | null) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};
