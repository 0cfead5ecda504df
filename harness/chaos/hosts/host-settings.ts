import type { DataSourceOptions } from 'typeorm';

/** The settings of a host process, as JSON in its environment. */
export interface HostSettings {
  /** Name of this very process, by which the audit of the database knows it. */
  readonly name: string;
  readonly database: DataSourceOptions;
  readonly port: number;
  readonly platform: 'express' | 'fastify';
  readonly leaseMs: number;
  readonly ackTimeoutMs: number;
  /** Longest run of the handlers of one session in twenty. */
  readonly slowHandlerMs: number;
  /** File of the handler events. It keeps what was written before the process was killed. */
  readonly eventsFile: string;
}

export const SECRET = 'a-secret-of-more-than-16-characters';
export const PATH = '/webhook/cr3dentials';

/** Values of a payload's `externalReferenceId` that make its handlers fail. */
export const FAILS_FOR_GOOD = 'fails-for-good';
export const FAILS_AT_FIRST = 'fails-at-first';

/** Points at which a host can be armed to kill itself. */
export const killPoints = [
  'between insert and answer',
  'in a transaction',
  'in a handler',
  'between handler and completion',
] as const;
export type KillPoint = (typeof killPoints)[number];

export function hostSettings(): HostSettings {
  return JSON.parse(process.env.CHAOS_HOST ?? '{}') as HostSettings;
}
