import { describe, expect, it } from '@jest/globals';
import { IsString } from 'class-validator';
import { Cr3dentialsWebhookError } from 'nestjs-cr3dentials-webhook';
import { parseOptions } from '../../src/cr3dentials-webhook.options.js';
import { thrownBy } from '../support/app/thrown-by.js';

class BankAccount {
  @IsString()
  accountHolder!: string;
}

class JointAccount extends BankAccount {}

class Undecorated {
  accountHolder = '';
}

const auth = { secrets: ['k3-of-the-partner-portal'] };

describe('classes for platforms', () => {
  it.each([
    ['a class per platform', { 1: BankAccount, 2.5: BankAccount, [-3]: BankAccount }],
    ['a class that inherits what is checked', { 1: JointAccount }],
    ['none', {}],
    ['nothing', undefined],
  ])('are accepted: %s', (_, platforms) => {
    expect(thrownBy(() => parseOptions({ auth, platforms }))).toBeUndefined();
  });

  it.each([
    [[BankAccount], 'Option "platforms" must be an object such as { 1: BankAccount }, with a class per platformId.'],
    [
      new Map([[1, BankAccount]]),
      'Option "platforms" must be an object such as { 1: BankAccount }, with a class per platformId.',
    ],
    [
      { bank: BankAccount },
      'Option "platforms" names "bank", which is no platformId. Write a number: { 1: BankAccount }.',
    ],
    [
      { Infinity: BankAccount },
      'Option "platforms" names "Infinity", which is no platformId. Write a number: { 1: BankAccount }.',
    ],
    [
      { '01': BankAccount },
      'Option "platforms" names "01", which is no platformId. Write a number: { 1: BankAccount }.',
    ],
    [{ 1: undefined }, 'Option "platforms.1" must be a class, not a value of type undefined.'],
    [{ 1: () => ({}) }, 'Option "platforms.1" must be a class, not a value of type function.'],
    [
      { 1: Undecorated },
      'Option "platforms.1" names Undecorated, of which nothing would be checked. Decorate its properties with class-validator.',
    ],
  ])('that cannot be are answered with what to write: %p', (platforms, message) => {
    const error = thrownBy(() => parseOptions({ auth, platforms }));
    expect(error).toBeInstanceOf(Cr3dentialsWebhookError);
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', message });
  });
});
