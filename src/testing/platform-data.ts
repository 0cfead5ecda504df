import type { SeededRandom } from './seeded-random.js';

/**
 * Generators of `extractedData`, one for each kind of platform. Only the first follows a sample of the provider; the
 * others are invented.
 */
const kinds: readonly [PlatformKind, ...PlatformKind[]] = [bank, payroll, gig, brokerage, education, insurance];

type PlatformKind = (random: SeededRandom) => Record<string, unknown>;

/**
 * Returns `extractedData` for a platform. Ids from 1 to 6 have different shapes, and each further id repeats one of
 * them. Platform 1 is a bank, as in the documented sample.
 */
export function extractedDataOf(platformId: number, random: SeededRandom): Record<string, unknown> {
  const kind = kinds.at((Math.trunc(platformId) - 1) % kinds.length) ?? bank;
  return kind(random);
}

function bank(random: SeededRandom): Record<string, unknown> {
  return {
    accountHolder: person(random),
    accountType: random.pick(['checking', 'savings']),
    accountNumberLast4: String(random.whole(0, 9_999)).padStart(4, '0'),
    balance: { amount: money(random, 25_000), currency: 'USD' },
    transactions: Array.from({ length: random.whole(1, 3) }, () => ({
      date: day(random),
      amount: -money(random, 300),
    })),
  };
}

function payroll(random: SeededRandom): Record<string, unknown> {
  const grossPay = money(random, 9_000);
  return {
    employee: person(random),
    employer: random.pick(['Northwind Traders', 'Contoso Ltd', 'Fabrikam Inc']),
    payFrequency: random.pick(['weekly', 'biweekly', 'monthly']),
    grossPay,
    netPay: Math.round(grossPay * 72) / 100,
    lastPayDate: day(random),
  };
}

function gig(random: SeededRandom): Record<string, unknown> {
  return {
    driver: person(random),
    rating: random.whole(380, 500) / 100,
    lifetimeTrips: random.whole(20, 9_000),
    isActive: random.next() < 0.9,
    weeklyEarnings: Array.from({ length: 4 }, () => money(random, 1_200)),
  };
}

function brokerage(random: SeededRandom): Record<string, unknown> {
  return {
    accountHolder: person(random),
    accountType: random.pick(['individual', 'joint', 'retirement']),
    holdings: Array.from({ length: random.whole(1, 3) }, () => ({
      symbol: random.pick(['AAAA', 'BBBB', 'CCCC', 'DDDD']),
      quantity: random.whole(1, 400),
      value: money(random, 40_000),
    })),
  };
}

function education(random: SeededRandom): Record<string, unknown> {
  return {
    student: person(random),
    institution: random.pick(['Lakeside College', 'Hillview University']),
    degree: random.pick(['BA', 'BSc', 'MSc']),
    graduatedOn: random.next() < 0.7 ? day(random) : null,
  };
}

function insurance(random: SeededRandom): Record<string, unknown> {
  return {
    policyHolder: person(random),
    policyNumber: `P-${random.whole(100_000, 999_999)}`,
    coverage: random.pick(['auto', 'home', 'health']),
    premium: { amount: money(random, 400), period: 'month' },
    effectiveFrom: day(random),
  };
}

function person(random: SeededRandom): string {
  const first = random.pick(['Ada', 'Björn', 'Chidi', 'Divya', 'Élodie', 'Farid', 'Grace', 'Hiro']);
  return `${first} ${random.pick(['Okafor', 'Lindqvist', "O'Neill", 'Nakamura', 'Rossi', 'Žižková'])}`;
}

function money(random: SeededRandom, most: number): number {
  return random.whole(100, most * 100) / 100;
}

function day(random: SeededRandom): string {
  return random.date().toISOString().slice(0, 10);
}
