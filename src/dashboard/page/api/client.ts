import type { ConflictAnswer, ErrorAnswer } from '../../api/contract.js';
import { words } from '../words/index.js';
import { readToken } from './token.js';

/** An answer of the API other than 2xx. Its message has the remedy. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** Milliseconds after which the server wants to be asked again; null without a wish. */
    readonly retryAfter: number | null,
    /** The row as it is now, of an answer 409. */
    readonly row: unknown,
  ) {
    super(message);
    this.name = 'RequestError';
  }
}

/** Answer to a GET. `body` is null if it is what was there before. */
export interface Answer<T> {
  readonly body: T | null;
  readonly etag: string | null;
}

/** Returns the address of the API: it is below the page, wherever a proxy has put that. */
function addressOfApi(path: string): string {
  return `${location.pathname.replace(/\/$/, '')}/api/${path}`;
}

function headersOf(more: Record<string, string>): Record<string, string> {
  const token = readToken();
  return { Accept: 'application/json', ...(token !== null && { Authorization: `Bearer ${token}` }), ...more };
}

/** Returns the error of an answer, also of one that a guard of the host or a proxy has written. */
async function errorOf(response: Response): Promise<RequestError> {
  const text = await response.text().catch(() => '');
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  const retryAfter = Number.isFinite(seconds) ? seconds * 1_000 : null;
  try {
    const { code, message, row } = JSON.parse(text) as Partial<ErrorAnswer & ConflictAnswer<unknown>>;
    if (typeof code === 'string' && typeof message === 'string') {
      return new RequestError(response.status, code, message, retryAfter, row ?? null);
    }
  } catch {
    // It is not of the API.
  }
  return new RequestError(response.status, 'HTTP', words.errors.status(response.status), retryAfter, null);
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(addressOfApi(path), { credentials: 'same-origin', cache: 'no-store', ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RequestError(0, 'UNREACHABLE', words.errors.unreachable, null, null);
  }
}

/** Reads from the API. With the `etag` of the answer before, an unchanged one has no body. */
export async function get<T>(path: string, { etag, signal }: { etag?: string | null; signal?: AbortSignal } = {}) {
  const headers = headersOf(etag ? { 'If-None-Match': etag } : {});
  const response = await ask(path, { headers, ...(signal && { signal }) });
  if (response.status === 304) return { body: null, etag: etag ?? null } satisfies Answer<T>;
  if (!response.ok) throw await errorOf(response);
  return { body: (await response.json()) as T, etag: response.headers.get('ETag') } satisfies Answer<T>;
}

/** Sends a request that acts. */
export async function post<T>(path: string, body: object): Promise<T> {
  const headers = headersOf({ 'Content-Type': 'application/json', 'X-Inbox-Request': '1' });
  const response = await ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as T;
}

/** Returns what to tell about an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
