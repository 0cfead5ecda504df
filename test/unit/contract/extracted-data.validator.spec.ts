import { describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { Transform, Type as Of } from 'class-transformer';
import { IsDate, IsIn, IsInt, IsNumber, IsOptional, IsString, ValidateBy, ValidateNested } from 'class-validator';
import { ExtractedDataValidator } from '../../../src/contract/extracted-data.validator.js';
import type { VerificationPayload } from '../../../src/contract/verification.payload.js';
import { payload } from '../../support/app/payload.js';

class Money {
  @IsNumber()
  amount!: number;

  @IsIn(['USD', 'EUR'], { message: '$value is no currency' })
  currency!: string;
}

class BankAccount {
  @IsString()
  accountHolder!: string;

  @IsOptional()
  @ValidateNested()
  @Of(() => Money)
  balance?: Money;

  @IsOptional()
  @ValidateNested({ each: true })
  @Of(() => Money)
  transactions?: Money[];

  @IsOptional()
  @ValidateNested({ each: true })
  @Of(() => Money)
  byIban?: Map<string, Money>;

  @IsOptional()
  @IsDate()
  @Of(() => Date)
  openedOn?: Date;

  @IsOptional()
  @ValidateNested()
  untold?: object;

  @IsOptional()
  @ValidateNested({ each: true })
  @Of(() => BankAccount)
  owned?: BankAccount[];
}

const dataValidator = new ExtractedDataValidator({ 1: BankAccount, 2.5: Money, [-7]: Money });
const holder = { accountHolder: 'Jane Roe' };

function sent(extractedData: Record<string, unknown> | null, platformId = 1): VerificationPayload {
  return payload({ platformId, extractedData }) as unknown as VerificationPayload;
}

function mismatch(extractedData: Record<string, unknown> | null, platformId?: number): unknown {
  const detail = dataValidator.validate(sent(extractedData, platformId));
  return detail === undefined ? undefined : JSON.parse(detail);
}

function ofClass(platform: Type<object>) {
  return new ExtractedDataValidator({ 1: platform });
}

describe('data that is as the host expects it', () => {
  it.each([
    ['the least', holder],
    ['all of it', { ...holder, balance: { amount: 1, currency: 'EUR' }, openedOn: '2024-02-29' }],
    ['lists', { ...holder, transactions: [{ amount: 1, currency: 'EUR' }], byIban: {} }],
    ['members that no class names', { ...holder, constructor: 'x', toString: 'y', more: [[1]] }],
  ])('is taken: %s', (_, data) => {
    expect(mismatch(data)).toBeUndefined();
  });

  it('is not asked for where there is none, or no class for its platform', () => {
    expect(mismatch(null)).toBeUndefined();
    expect(mismatch({ accountHolder: 7 }, 3)).toBeUndefined();
    expect(new ExtractedDataValidator({}).validate(sent({}))).toBeUndefined();
  });
});

describe('data that is not', () => {
  it.each<[string, Record<string, unknown>, Record<string, string[]>]>([
    ['a field', { accountHolder: 7 }, { 'extractedData.accountHolder': ['isString'] }],
    ['a field that is missing', {}, { 'extractedData.accountHolder': ['isString'] }],
    [
      'a nested field',
      { ...holder, balance: { amount: '7' } },
      {
        'extractedData.balance.amount': ['isNumber'],
        'extractedData.balance.currency': ['isIn'],
      },
    ],
    ['a nested object', { ...holder, balance: 7 }, { 'extractedData.balance': ['nestedValidation'] }],
    [
      'members of a list, once',
      { ...holder, transactions: [{ amount: 1, currency: 'Jane' }, { amount: 2 }] },
      {
        'extractedData.transactions[].currency': ['isIn'],
      },
    ],
    [
      'members whose keys were sent',
      { ...holder, byIban: { 'DE89 3704': { currency: 'EUR' } } },
      {
        'extractedData.byIban[].amount': ['isNumber'],
      },
    ],
    ['a date', { ...holder, openedOn: 'soon' }, { 'extractedData.openedOn': ['isDate'] }],
    // The second under Jest, to whose realm a copied object is foreign.
    [
      'an object of no class',
      { ...holder, untold: { a: 1 } },
      { 'extractedData.untold': [expect.stringMatching(/^(unknownValue|nestedValidation)$/) as unknown as string] },
    ],
  ])('is told by field and without values: %s', (_, data, told) => {
    expect(mismatch(data)).toEqual(told);
  });

  it('is checked by the class of its platform, whatever number that is', () => {
    expect(mismatch({ amount: 1, currency: 'GBP' }, 2.5)).toEqual({ 'extractedData.currency': ['isIn'] });
    expect(mismatch({ amount: 1, currency: 'GBP' }, -7)).toEqual({ 'extractedData.currency': ['isIn'] });
  });

  it('is told in so much as a column holds, however much of it there is', () => {
    let deep: Record<string, unknown> = {};
    for (let level = 0; level < 60; level++) deep = { owned: [deep] };
    const detail = dataValidator.validate(sent(deep)) ?? '';

    expect(Object.keys(JSON.parse(detail) as object)).toHaveLength(20);
    expect(detail.length).toBeLessThan(20_000);
  });
});

class ThrowsWhenMade {
  @IsInt()
  a!: number;

  constructor() {
    throw new TypeError('Jane Roe');
  }
}

class ThrowsWhenTransformed {
  @Transform(() => {
    throw Object.assign(new Error('Jane Roe'), { name: 'BadIban' });
  })
  @IsString()
  accountHolder!: string;
}

class ThrowsWhenValidated {
  @ValidateBy({
    name: 'iban',
    validator: {
      validate: () => {
        throw 'Jane Roe';
      },
    },
  })
  accountHolder!: string;
}

class ThrowsWhatHasNoName {
  @Transform(() => {
    throw Object.defineProperty({}, 'name', { get: () => JSON.parse('') as unknown });
  })
  accountHolder!: string;
}

class HoldsItself {
  @ValidateNested()
  self = this;
}

describe('a class that throws', () => {
  it.each([
    ['when it is made', ThrowsWhenMade, 'TypeError'],
    ['when it is transformed', ThrowsWhenTransformed, 'BadIban'],
    ['when it is validated', ThrowsWhenValidated, 'undefined'],
    ['with what cannot say its name', ThrowsWhatHasNoName, 'an error without a name'],
    ['because there is no end to it', HoldsItself, 'RangeError'],
  ])('%s is a mismatch, told without what it says', (_, platform, name) => {
    expect(ofClass(platform).validate(sent(holder))).toBe(
      JSON.stringify({ extractedData: [`could not be checked: ${name}`] }),
    );
  });
});

class ChangesItsSource {
  @Transform(({ obj }: { obj: Record<string, unknown> }) => (obj.accountHolder = 'somebody else'))
  @IsString()
  accountHolder!: string;
}

describe('an instance', () => {
  it('has what was sent, members that no class names among it', () => {
    const data = dataValidator.toInstance(1, { ...holder, balance: { amount: 1, currency: 'EUR' }, more: { a: [1] } });

    expect(data).toBeInstanceOf(BankAccount);
    expect(data.balance).toBeInstanceOf(Money);
    expect(data).toMatchObject({ ...holder, balance: { amount: 1, currency: 'EUR' }, more: { a: [1] } });
  });

  it('is the data itself where no class is declared', () => {
    expect(dataValidator.toInstance(3, holder)).toBe(holder);
  });

  it('is made of a copy while it is checked: the fingerprint is taken afterwards', () => {
    const body = sent({ ...holder });
    expect(ofClass(ChangesItsSource).validate(body)).toBeUndefined();
    expect(body.extractedData).toEqual(holder);
  });
});
