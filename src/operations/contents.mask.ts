import { parseRawBody } from '../contract/raw-body.js';
import { toSingleLine } from '../instrumentation/single-line.js';

/** Stands for what is not shown. */
const HIDDEN = '•••';
/** Characters of an id that are shown at its two ends, and how long it must be for that. */
const ID_ENDS = { start: 8, end: 4, least: 20 } as const;
const TEXT_ENDS = { start: 2, end: 2, least: 8 } as const;
/** Most values whose shape is told. */
const MAX_LINES = 200;

/** Returns enough of an id to compare it with one that is known. */
export function maskId(id: string): string {
  const { start, end, least } = ID_ENDS;
  return id.length < least ? maskText(id) : `${id.slice(0, start)}…${id.slice(-end)}`;
}

/** Returns the ends of a text and its length; of a short one, its length alone. */
export function maskText(text: string): string {
  const characters = [...text];
  const { start, end, least } = TEXT_ENDS;
  if (characters.length < least) return `${HIDDEN} (${characters.length})`;
  return `${characters.slice(0, start).join('')}…${characters.slice(-end).join('')} (${characters.length})`;
}

/** Returns the names of all values in a body with their types and lengths, and no value. */
export function shapeOf(rawBody: string): Record<string, string> {
  const shape: Record<string, string> = {};
  const waiting: [path: string, value: unknown][] = [['', parseRawBody(rawBody)]];
  for (const [path, value] of waiting) {
    if (Object.keys(shape).length === MAX_LINES) break;
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      const prefix = path && `${path}.`;
      for (const [name, member] of Object.entries(value)) waiting.push([prefix + toSingleLine(name), member]);
    } else shape[path] = kindOf(value);
  }
  return shape;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `${HIDDEN} (text, ${[...value].length})`;
  if (Array.isArray(value)) return `${HIDDEN} (list, ${value.length})`;
  return `${HIDDEN} (${typeof value})`;
}
