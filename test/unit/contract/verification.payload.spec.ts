import { transform } from '@swc/core';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { validateContract } from '../../../src/contract/payload-validation.pipe.js';
import { parseInstant } from '../../../src/contract/verification.payload.js';
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
    '1742817900000',
    1742817900000,
    true,
    {},
    [],
    new Date(0),
  ])('is against the contract when it is no ISO 8601: %j', (completedAt) => {
    expect(violationsOf({ completedAt })).toEqual({ completedAt: ['completedAt must be an ISO 8601 date and time'] });
  });

  it.each(['2025-W13-1', '2025-083', '20250324T120500Z', '2025-03-24T12:05:00,5Z'])(
    'is against the contract rather than an invalid Date, where JavaScript cannot read it: %s',
    (completedAt) => {
      expect(violationsOf({ completedAt })).toEqual({ completedAt: ['completedAt must be an ISO 8601 date and time'] });
    },
  );
});

/** Runs the source file in a process of its own: a zone is set once, before the first Date. */
async function parsedIn(zone: string, texts: readonly string[]): Promise<string[]> {
  const source = readFileSync('src/contract/verification.payload.ts', 'utf8');
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
