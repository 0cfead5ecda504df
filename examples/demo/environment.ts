import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { EncryptionOptions } from 'nestjs-cr3dentials-webhook';
import type { DataSourceOptions } from 'typeorm';

const {
  PORT = '3000',
  HOST = '127.0.0.1',
  PLATFORM = 'express',
  DATABASE_URL,
  CR3D_WEBHOOK_SECRET,
  CR3D_ENCRYPTION_KEY,
  DEMO_FAIL_RATE = '0',
} = process.env;

export const port = Number(PORT);
export const host = HOST;
export const platform = oneOf('PLATFORM', PLATFORM, ['express', 'fastify'] as const);
export const failRate = fraction('DEMO_FAIL_RATE', DEMO_FAIL_RATE);
export const isSecretGenerated = !CR3D_WEBHOOK_SECRET;
export const secret = CR3D_WEBHOOK_SECRET || randomBytes(24).toString('base64url');

/** Keys of 32 bytes in base64url, separated by commas. The first one seals, the others open what they have sealed. */
const keys = (CR3D_ENCRYPTION_KEY ?? '')
  .split(',')
  .filter((value) => value !== '')
  .map((value) => ({ id: idOf(value), value }));

/** Seals the inbox if there is a key. */
export const encryption: EncryptionOptions | undefined = keys[0] && { keys, current: keys[0].id };

/** True if there is a key from before, under which contents may be sealed. */
export const isKeyRotated = keys.length > 1;

/** Returns the database of the inbox and of the demo's own table. */
export function database(): DataSourceOptions {
  const url = DATABASE_URL || '.demo/demo.sqlite';
  if (/^postgres(ql)?:/.test(url)) return { type: 'postgres', url };
  if (/^(mysql|mariadb):/.test(url)) return { type: 'mariadb', url: url.replace(/^mysql:/, 'mariadb:') };
  if (/^[a-z]+:\/\//.test(url))
    throw new Error(
      `DATABASE_URL must be postgres://…, mysql://…, mariadb://… or a SQLite path, not ${url.split(':')[0]}://…`,
    );
  mkdirSync(dirname(url), { recursive: true });
  return { type: 'better-sqlite3', database: url };
}

/** Names a key without saying what it is. A new key gets another name. */
function idOf(key: string): string {
  return `demo-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
}

function oneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((one) => one === value);
  if (!choice) throw new Error(`${name} must be ${choices.join(' or ')}, not "${value}".`);
  return choice;
}

function fraction(name: string, value: string): number {
  const number = Number(value);
  if (!(number >= 0 && number <= 1)) throw new Error(`${name} must be a number from 0 to 1, not "${value}".`);
  return number;
}
