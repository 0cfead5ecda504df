import { transform } from '@swc/core';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { validateContract } from '../../../src/contract/payload-validation.js';
import { parseInstant } from '../../../src/contract/iso-8601.js';
import { payload } from '../../support/app/payload.js';

const instants = [
  ['2025-03-24T12:05:00.000Z', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T12:05:00Z', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T12:05Z', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T12:05:00.123456789Z', '2025-03-24T12:05:00.123Z'],
  ['2025-03-24T14:05:00+02:00', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T14:05:00+0200', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T14:05:00+02', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T07:05:00-05:00', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T12:05:00', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24T12:05:00.5', '2025-03-24T12:05:00.500Z'],
  ['2025-03-24T12:05', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24 12:05:00', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24 12:05:00Z', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24 14:05:00+02:00', '2025-03-24T12:05:00.000Z'],
  ['2025-03-24', '2025-03-24T00:00:00.000Z'],
  ['2025-03', '2025-03-01T00:00:00.000Z'],
  ['2025', '2025-01-01T00:00:00.000Z'],
  // The basic form.
  ['20250324T120500Z', '2025-03-24T12:05:00.000Z'],
  ['20250324T120500.250+0200', '2025-03-24T10:05:00.250Z'],
  ['20250324t1205z', '2025-03-24T12:05:00.000Z'],
  ['20250324', '2025-03-24T00:00:00.000Z'],
  // A comma, and fractions of other units.
  ['2025-03-24T12:05:00,5Z', '2025-03-24T12:05:00.500Z'],
  ['2025-03-24T12:05.5Z', '2025-03-24T12:05:30.000Z'],
  ['2025-03-24T12,29Z', '2025-03-24T12:17:24.000Z'],
  ['2025-03-24T12Z', '2025-03-24T12:00:00.000Z'],
  // Midnight at the end of a day, and a leap second.
  ['2025-03-24T24:00:00Z', '2025-03-25T00:00:00.000Z'],
  ['2025-12-31T24:00', '2026-01-01T00:00:00.000Z'],
  ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
  ['2017-01-01T08:59:60.5+09:00', '2017-01-01T00:00:00.500Z'],
  // Weeks and days of a year.
  ['2025-W13-1', '2025-03-24T00:00:00.000Z'],
  ['2025W131T120500Z', '2025-03-24T12:05:00.000Z'],
  ['2020-W53-7', '2021-01-03T00:00:00.000Z'],
  ['2025-W01', '2024-12-30T00:00:00.000Z'],
  ['2026-W01-4', '2026-01-01T00:00:00.000Z'],
  ['2025-083', '2025-03-24T00:00:00.000Z'],
  ['2024366T00Z', '2024-12-31T00:00:00.000Z'],
  // Odd years and zones.
  ['0099-03-01', '0099-03-01T00:00:00.000Z'],
  ['+002025-03-24T12:05:00Z', '2025-03-24T12:05:00.000Z'],
  ['2024-02-29T23:59:59.999999-00:00', '2024-02-29T23:59:59.999Z'],
  ['2025-03-24T12:05:00+05:45', '2025-03-24T06:20:00.000Z'],
] as const;

function violationsOf(overrides: Record<string, unknown>): Record<string, string[]> {
  const result = validateContract(payload(overrides));
  return result.rejection?.violations ?? {};
}

describe('an instant', () => {
  it.each(instants)('written as %s is %s', (text, instant) => {
    expect(violationsOf({ completedAt: text })).toEqual({});
    expect(parseInstant(text).toISOString()).toBe(instant);
  });

  describe('on a server whose zone is not UTC', () => {
    let parsed: string[];

    beforeAll(async () => {
      parsed = await parsedIn(
        'Asia/Tokyo',
        instants.map(([text]) => text),
      );
    });

    it.each(instants.map(([text, instant], index) => [text, instant, index] as const))(
      'written as %s is %s all the same',
      (_, instant, index) => {
        expect(parsed[index]).toBe(instant);
      },
    );
  });
});

describe('a completion time', () => {
  it.each([null, undefined])('may be missing: %p', (completedAt) => {
    expect(violationsOf({ completedAt })).toEqual({});
  });

  it.each([
    'yesterday',
    '',
    ' ',
    '24.03.2025',
    '03/24/2025',
    'Mon, 24 Mar 2025 12:05:00 GMT',
    '2025-02-30T00:00:00Z',
    '2025-13-01',
    '2025-03-24T25:00:00Z',
    '2025-03-24T12:60:00Z',
    '2025-W13-9',
    '2025-W53-1',
    '2025-W00-1',
    '2025-366',
    '2025-000',
    '2023-02-29',
    '2025-00-10',
    '2025-03-00',
    '202503',
    '2025-3-24',
    '2025-03-24T24:00:01Z',
    '2025-03-24T24:00:00.001Z',
    '2025-03-24T24:30Z',
    '2025-03-24T23:60Z',
    '2025-03-24T12:05:61Z',
    '2025-03-24T12:05:00+24:00',
    '2025-03-24T12:05:00+02:60',
    '2025-03-24T12:05:00 UTC',
    '2025-03-24T12:05:00Z ',
    '2025-03-24Z',
    '2025-03-24T',
    '+275761-01-01',
    '1742817900000',
    1742817900000,
    true,
    {},
    [],
    new Date(0),
  ])('is against the contract when it is no ISO 8601: %j', (completedAt) => {
    expect(violationsOf({ completedAt })).toEqual({ completedAt: ['completedAt must be an ISO 8601 date and time'] });
  });
});

/** Runs the source file in a process of its own: a zone is set once, before the first Date. */
async function parsedIn(zone: string, texts: readonly string[]): Promise<string[]> {
  const source = readFileSync('src/contract/iso-8601.ts', 'utf8');
  const { code } = await transform(source, {
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true },
      target: 'es2022',
    },
    module: { type: 'es6' },
  });
  const script = `${code}\nconsole.log(JSON.stringify(${JSON.stringify(texts)}.map((text) => {
    const date = parseInstant(text);
    return Number.isNaN(date.getTime()) ? 'no instant' : date.toISOString();
  })));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-'], {
    input: script,
    encoding: 'utf8',
    env: { ...process.env, TZ: zone },
  });
  return JSON.parse(output) as string[];
}
