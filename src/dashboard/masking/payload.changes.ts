import type { Change } from '../api/contract/masked.js';
import { isObject, isShownField, maskField } from './payload.mask.js';

const MAX_CHANGES = 200;
const MAX_DEPTH = 32;
/** Documented fields, whose names are the same in every body. */
const DOCUMENTED_FIELDS = [
  'status',
  'platformId',
  'completedAt',
  'sessionId',
  'externalReferenceId',
  'extractedData',
  'metadata',
  'proofHash',
];
/** Those whose values are of nobody. */
const OF_NOBODY = new Set(['status', 'platformId']);

/** Returns the differences of two parsed bodies, with values of the fields that are shown only. */
export function changesOf(before: unknown, after: unknown): Change[] {
  const changes: Change[] = [];
  compare(before, after, '', 0, (change) => changes.length < MAX_CHANGES && changes.push(withValues(change)));
  return changes;
}

/** Returns which documented fields of two parsed bodies differ, without what is in them. */
export function changedFieldsOf(before: unknown, after: unknown): Change[] {
  return DOCUMENTED_FIELDS.flatMap((name) => {
    const [one, other] = [before, after].map((body) => (isObject(body) ? memberOf(body, name) : undefined));
    const changes = changesOf({ [name]: one }, { [name]: other });
    const [change] = changes;
    if (!change) return [];
    if (OF_NOBODY.has(name)) return [change];
    return [{ path: name, change: change.path === name ? change.change : ('changed' as const) }];
  });
}

interface RawChange {
  readonly path: string;
  readonly change: Change['change'];
  readonly before: unknown;
  readonly after: unknown;
  /** True if it is a documented field that is shown. */
  readonly isShown: boolean;
}

function compare(before: unknown, after: unknown, path: string, depth: number, add: (change: RawChange) => void): void {
  if (before === after || depth > MAX_DEPTH) return;
  const isShown = depth === 1 && isShownField(path);
  if (before === undefined) return add({ path, change: 'added', before, after, isShown });
  if (after === undefined) return add({ path, change: 'removed', before, after, isShown });
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++)
      compare(before[index], after[index], `${path}[${index}]`, depth + 1, add);
    return;
  }
  if (!isObject(before) || !isObject(after)) return add({ path, change: 'changed', before, after, isShown });
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [one, other] = [before, after].map((value) => memberOf(value, name));
    compare(one, other, depth === 0 ? name : `${path}.${name}`, depth + 1, add);
  }
}

function memberOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function withValues({ path, change, before, after, isShown }: RawChange): Change {
  if (!isShown) return { path, change };
  return {
    path,
    change,
    ...(before !== undefined && { before: maskField(path, before) }),
    ...(after !== undefined && { after: maskField(path, after) }),
  };
}
