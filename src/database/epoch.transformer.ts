import type { ValueTransformer } from 'typeorm';

/** Drivers read a bigint as a string; epoch milliseconds fit a number. */
export const epochTransformer: ValueTransformer = {
  to: (value: number | null) => value,
  from: (value: string | number | null) => (value === null ? null : Number(value)),
};
