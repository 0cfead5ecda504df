import type { DataSourceOptions } from 'typeorm';

/** The settings of a host process, as JSON in its environment. */
export interface HostSettings {
  /** Name of this very process, by which the audit of the database knows it. */
  readonly name: string;
  readonly database: DataSourceOptions;
  /** The address that it listens on. */
  readonly address: string;
  readonly port: number;
  readonly handlers: HandlerSet;
  readonly platform: 'express' | 'fastify';
  readonly leaseMs: number;
  readonly ackTimeoutMs: number;
  /** Longest run of the handlers of one session in twenty. */
  readonly slowHandlerMs: number;
  /** File of the handler events. It keeps what was written before the process was killed. */
  readonly eventsFile: string;
}

/** `newer` adds a handler that the other instances do not know; `nesting` opens a transaction in that of its handler. */
export type HandlerSet = 'usual' | 'newer' | 'nesting';

export const SECRET = 'a-secret-of-more-than-16-characters';
export const PATH = '/webhook/cr3dentials';

/** Values of a payload's `externalReferenceId` that make its handlers fail. */
export const FAILS_FOR_GOOD = 'fails-for-good';
export const FAILS_AT_FIRST = 'fails-at-first';

/** The key of the effect that a nesting handler has in its inner transaction. */
export function nestedPartOf(sessionId: string): string {
  return `nested/${sessionId}`;
}

/** One session in twenty is slow, in whichever process it runs. */
export function isSlow(sessionId: string): boolean {
  return Number.parseInt(sessionId.slice(0, 2), 16) < 256 / 20;
}

/** Points at which a host can be armed to kill itself. */
export const killPoints = [
  'between insert and answer',
  'in a transaction',
  'in a handler',
  'between handler and completion',
] as const;
export type KillPoint = (typeof killPoints)[number];

/** Requests of the harness to a host. */
export type HostCommand =
  { readonly killAt: KillPoint } | { readonly clockOffsetMs: number } | { readonly holdPoolMs: number };

export type HostAnswer = 'listens' | 'the clock is set' | 'the pool is full' | 'the pool is not full';

export function hostSettings(): HostSettings {
  return JSON.parse(process.env.CHAOS_HOST ?? '{}') as HostSettings;
}
