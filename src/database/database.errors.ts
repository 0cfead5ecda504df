import { QueryRunnerAlreadyReleasedError } from 'typeorm';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { OccurrenceError } from '../instrumentation/occurrences.js';
import { errorName, toSingleLine } from '../instrumentation/single-line.js';
import type { Dialect } from './dialect/dialect.js';

const NETWORK_ERROR = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/;
/** Errors to which the drivers and TypeORM give no code. */
const CONNECTION_LOST =
  /^(Connection terminated|Can't add new command when connection is in closed state|Client has encountered a connection error|timeout exceeded when trying to connect|Driver not Connected|Cannot use a pool after)/i;

/** Error of a statement that the database did not answer in time. It may have taken effect. */
export class DatabaseTimeoutError extends Error {
  override readonly name = 'DatabaseTimeoutError';

  constructor(milliseconds: number) {
    super(`The database did not answer within ${milliseconds} ms.`);
  }
}

/** Error of a transaction whose connection failed. Its cause says how. */
export class DatabaseFailedError extends Error {
  override readonly name = 'DatabaseFailedError';

  constructor(cause: unknown) {
    super(`The database failed: ${formatDatabaseError(cause)}`, { cause });
  }
}

export function isTransient(dialect: Dialect, error: unknown): boolean {
  return dialect.isTransient(errorCode(error));
}

/** Tells whether another transaction holds a row that the statement would have had to wait for. */
export function isLocked(dialect: Dialect, error: unknown): boolean {
  return dialect.isLocked(errorCode(error));
}

/** Tells whether a session takes no writes. */
export function isReadOnly(dialect: Dialect, error: unknown): boolean {
  return dialect.isReadOnly(errorCode(error));
}

/** Tells whether an error says that a database failed, rather than the code that used it. */
export function isUnavailable(dialect: Dialect, error: unknown): boolean {
  const code = errorCode(error);
  return (
    dialect.isUnavailable(code) ||
    error instanceof DatabaseTimeoutError ||
    error instanceof QueryRunnerAlreadyReleasedError || // all that TypeORM says of a connection that it has lost
    NETWORK_ERROR.test(code) ||
    (error instanceof Error && CONNECTION_LOST.test(error.message))
  );
}

/** Formats an error for a log line, by its code where it has one: the message of a database may quote values. */
export function formatDatabaseError(error: unknown): string {
  if (error instanceof Cr3dentialsWebhookError) return toSingleLine(error.message);
  const code = errorCode(error);
  return code && error instanceof Error ? `${error.name} ${code}` : toSingleLine(error);
}

/** Returns an error for an occurrence: its code where it has one, else its name, and what a log line has of it. */
export function toOccurrenceError(error: unknown): OccurrenceError {
  return { type: toSingleLine(errorCode(error)) || errorName(error), message: formatDatabaseError(error) };
}

/** Where the drivers and TypeORM keep the values of a statement. A row that a constraint refuses is in `detail`. */
const PLACES_OF_VALUES = ['parameters', 'sql', 'detail', 'where', 'internalQuery'] as const;

/**
 * Takes the values of a statement out of its error, which is passed on to the host: loggers that inspect, and
 * trackers of errors, would write them down.
 */
export function withoutValues(error: unknown): unknown {
  const { driverError } = Object(error) as { driverError?: unknown };
  for (const holder of [error, driverError])
    if (holder instanceof Error) for (const place of PLACES_OF_VALUES) Reflect.deleteProperty(holder, place);
  return error;
}

/** Returns the code that the driver gave an error; empty without one. */
export function errorCode(error: unknown): string {
  const { code, driverError } = Object(error) as { code?: unknown; driverError?: { code?: unknown } };
  return String(code ?? driverError?.code ?? '');
}
