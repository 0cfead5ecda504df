import { HttpException } from '@nestjs/common';
import type { ErrorAnswer, ErrorCode } from './contract/common.js';

/** A request that is refused. It is an `HttpException`, so that a filter of the host that meets it keeps its status. */
export class DashboardException extends HttpException {
  constructor(
    status: number,
    readonly answer: ErrorAnswer & Record<string, unknown>,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(answer, status);
  }
}

function refused(status: number, code: ErrorCode, message: string): DashboardException {
  return new DashboardException(status, { code, message });
}

/** @param seconds time after which it may be tried again */
export function tooMany(message: string, seconds: number): DashboardException {
  return new DashboardException(
    429,
    { code: 'TOO_MANY_REQUESTS', message },
    { 'Retry-After': String(Math.max(1, Math.ceil(seconds))) },
  );
}

export function unavailable(code: 'INBOX_BUSY' | 'INBOX_UNAVAILABLE', message: string): DashboardException {
  return new DashboardException(503, { code, message }, { 'Retry-After': '2' });
}

/** @param body what the answer has beside code and message */
export function conflict(code: ErrorCode, message: string, body: Record<string, unknown>): DashboardException {
  return new DashboardException(409, { code, message, ...body });
}

export const forbidden = (message: string) => refused(403, 'FORBIDDEN', message);
export const foreignOrigin = (message: string) => refused(403, 'FOREIGN_ORIGIN', message);
export const notFound = (message: string) => refused(404, 'NOT_FOUND', message);
export const invalidFilter = (message: string) => refused(400, 'FILTER_INVALID', message);
export const invalidCursor = () =>
  refused(400, 'CURSOR_INVALID', 'The cursor is of another list. Begin again without "cursor".');
export const invalidBody = (message: string) => refused(400, 'BODY_INVALID', message);
export const previewExpired = () =>
  refused(410, 'PREVIEW_EXPIRED', 'The preview is older than 10 minutes, or its token was changed. Make a new one.');
