export const mutations = ['flip', 'insert', 'delete', 'duplicate', 'splice'] as const;

/** One change to the bytes of a body. */
export interface Mutation {
  readonly kind: (typeof mutations)[number];
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

export function mutate(body: Buffer, changes: readonly Mutation[]): Buffer {
  let mutated = body;
  for (const change of changes) mutated = changed(mutated, change);
  return mutated;
}

function changed(body: Buffer, { kind, at, length, bytes }: Mutation): Buffer {
  const [before, after] = [body.subarray(0, at), body.subarray(at)];
  switch (kind) {
    case 'flip':
      return Buffer.from(body.map((byte, index) => (index === at ? byte ^ (1 << (length % 8)) : byte)));
    case 'insert':
      return Buffer.concat([before, bytes, after]);
    case 'delete':
      return Buffer.concat([before, after.subarray(length)]);
    case 'duplicate':
      return Buffer.concat([before, after.subarray(0, length), after]);
    case 'splice':
      return Buffer.concat([before, bytes, after.subarray(length)]);
    default:
      return kind satisfies never;
  }
}
