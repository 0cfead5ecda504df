import { hash } from 'node:crypto';
import { isRecordId } from '../../inbox/record.id.js';
import type { Place } from '../../inbox/windowed.search.js';
import { invalidCursor } from './dashboard.exception.js';

const HASH_LENGTH = 12;

/** Returns a text for a place in the list of a filter. With another filter, it is refused. */
export function toCursor({ id, at }: Place, filter: object): string {
  return Buffer.from(JSON.stringify([hashOf(filter), id, ...(at === undefined ? [] : [at])])).toString('base64url');
}

/** @throws DashboardException 400 `CURSOR_INVALID` */
export function fromCursor(cursor: string | undefined, filter: object): Place | undefined {
  if (cursor === undefined) return undefined;
  const parsed = parse(cursor);
  if (!Array.isArray(parsed)) throw invalidCursor();
  const [filterHash, id, at] = parsed as unknown[];
  if (filterHash !== hashOf(filter) || !isRecordId(id)) throw invalidCursor();
  if (at !== undefined && !Number.isSafeInteger(at)) throw invalidCursor();
  return { id, ...(at !== undefined && { at: at as number }) };
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}

function hashOf(filter: object): string {
  return hash('sha256', JSON.stringify(filter), 'hex').slice(0, HASH_LENGTH);
}
