export const SECRET = 'a-secret-of-more-than-16-characters';
export const TENANTS = ['north', 'south'] as const;
export const HANDLERS = ['ledger.book', 'mail.send'] as const;

const PASSWORD = 'a-password-of-more-than-16-characters';

/** One who may do everything, and one who sees one tenant. */
export const OPERATORS = [
  { name: 'ada', password: PASSWORD, can: 'everything' as const },
  { name: 'ben', password: PASSWORD, can: 'everything' as const, tenants: [TENANTS[0]] },
];

export type OperatorName = 'ada' | 'ben';

export function authorizationOf(name: OperatorName): string {
  return `Basic ${Buffer.from(`${name}:${PASSWORD}`).toString('base64')}`;
}
