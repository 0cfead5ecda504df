import type { DataSourceOptions } from 'typeorm';

/** What a host is told, as JSON in the environment. */
export interface HostSetting {
  /** Of this very process: the database's audit says by it who changed what. */
  readonly name: string;
  readonly database: DataSourceOptions;
  readonly port: number;
  readonly platform: 'express' | 'fastify';
  /** Milliseconds. */
  readonly lease: number;
  readonly ackTimeout: number;
  /** How long the handlers of one session in twenty take at most. */
  readonly handlersTake: number;
  /** The file that it says its facts to: a process that is killed has said what it has said. */
  readonly facts: string;
}

export const SECRET = 'a-secret-of-more-than-16-characters';
export const PATH = '/webhook/cr3dentials';

/** In a payload's `externalReferenceId`: what the handlers are to do with it. */
export const FAILS_FOR_GOOD = 'fails-for-good';
export const FAILS_AT_FIRST = 'fails-at-first';

/** Where a host can be told to kill itself. */
export const places = [
  'between insert and answer',
  'in a transaction',
  'in a handler',
  'between handler and completion',
] as const;
export type Place = (typeof places)[number];

export function setting(): HostSetting {
  return JSON.parse(process.env.CHAOS_HOST ?? '{}') as HostSetting;
}
