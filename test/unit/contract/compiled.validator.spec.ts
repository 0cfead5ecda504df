import { describe, expect, it } from '@jest/globals';
import { IsString, ValidateNested, validateSync } from 'class-validator';
import { compileValidator } from '../../../src/contract/compiled.validator.js';
import { payloadFields, VerificationPayload } from '../../../src/contract/verification.payload.js';
import { payload } from '../../support/app/payload.js';

const isCompliant = compileValidator(VerificationPayload);

const values: unknown[] = [
  ['', ' ', 'text', 'x'.repeat(512), 'x'.repeat(513), '𝄞'.repeat(512), '𝄞'.repeat(513), '\0', '\uD800', '1'],
  ['COMPLETED', 'NEW_STATUS', '2025-03-24T12:05:00.000Z', '2025-02-30T00:00:00Z', '2025-W13-1', '20250324', 'soon'],
  [null, undefined, true, false, 0, -1, 1.5, 1e21, Number.NaN, Number.POSITIVE_INFINITY],
  [[], ['text'], {}, { some: 'data' }, new Date(0), Symbol.iterator, () => 'text'],
].flat(1);

describe('whether a payload complies', () => {
  it.each(payloadFields)('is what class-validator says, whatever stands in %s', (field) => {
    const judgements = values.map((value) => {
      const candidate = Object.assign(new VerificationPayload(), payload(), { [field]: value });
      const violations = validateSync(candidate, { forbidUnknownValues: true });
      return { value, complies: isCompliant(candidate), expected: violations.length === 0 };
    });

    expect(judgements.filter(({ complies, expected }) => complies !== expected)).toEqual([]);
    expect(new Set(judgements.map(({ complies }) => complies))).toEqual(new Set([true, false]));
  });

  it('is not asked of constraints that it would get wrong', () => {
    class Each {
      @IsString({ each: true })
      texts!: string[];
    }
    class Nested {
      @ValidateNested()
      inner!: Each;
    }

    expect(() => compileValidator(Each)).toThrow('"texts" has a constraint that cannot be checked on its own.');
    expect(() => compileValidator(Nested)).toThrow('"inner"');
  });
});
