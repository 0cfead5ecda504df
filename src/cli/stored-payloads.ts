import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Planned } from './plan.js';
import { UsageError } from './usage.error.js';

/**
 * Reads stored payloads: one JSON object over any number of lines, or one JSON object on each line. `-` reads the
 * standard input.
 *
 * @throws UsageError when the file cannot be read, has no payload, or has a line that is not a JSON object
 */
export async function storedPayloads(file: string): Promise<Planned[]> {
  const content = await read(file);
  const whole = planned(content);
  if (whole) return [whole];
  const lines = content.split('\n').map((line) => line.trim());
  const payloads = lines.flatMap((line, index) => {
    if (line === '') return [];
    const one = planned(line);
    if (!one) throw new UsageError(`Line ${index + 1} of ${file} is not a JSON object. Nothing was sent.`);
    return [one];
  });
  if (payloads.length === 0) throw new UsageError(`${file} has no payload.`);
  return payloads;
}

async function read(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** Keeps the text byte for byte, because parsing and serialising it again would lose digits of long numbers. */
function planned(stored: string): Planned | undefined {
  const parsed = parse(stored);
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) return undefined;
  const { sessionId } = parsed as { sessionId?: unknown };
  return { body: stored.trim(), sessionId: typeof sessionId === 'string' ? sessionId : '(none)' };
}

function parse(stored: string): unknown {
  try {
    return JSON.parse(stored);
  } catch {
    return undefined;
  }
}
