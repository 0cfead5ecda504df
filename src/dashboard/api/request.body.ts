import type { IncomingMessage, ServerResponse } from 'node:http';
import { withTimeout } from '../../concurrency/with-timeout.js';
import { collectBody } from '../../http/body.collector.js';
import { closeOnceAnswered } from '../../http/webhook-request.js';
import { nodeRequestOf, nodeResponseOf, type HostRequest } from '../access/host.request.js';
import { invalidBody } from './dashboard.exception.js';

/** A filter and a reason are far smaller. */
const MAX_BODY_BYTES = 64 * 1024;
const BODY_TIMEOUT_MS = 10_000;

/**
 * Returns the fields of a body, also where the host has no parser for it.
 *
 * @throws DashboardException 400
 */
export async function readBody(
  request: HostRequest,
  response: unknown,
  timeoutMs = BODY_TIMEOUT_MS,
): Promise<Record<string, unknown>> {
  const body = await parsedBody(request, () => {
    const reading = collect(nodeRequestOf(request));
    return withTimeout(reading, timeoutMs, () => tooLate(request, nodeResponseOf(response), timeoutMs));
  });
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw invalidBody('Send a JSON object, or {} without fields.');
  return body as Record<string, unknown>;
}

async function parsedBody(request: HostRequest, read: () => Promise<Buffer>): Promise<unknown> {
  const { body } = request;
  const stream = nodeRequestOf(request);
  if (Buffer.isBuffer(body)) return parse(body.toString());
  if (typeof body === 'string') return parse(body);
  if ((body !== undefined && body !== stream) || stream.readableDidRead) return body;
  return parse((await read()).toString());
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const body = await collectBody(request, MAX_BODY_BYTES);
  if (body === 'too-large') throw invalidBody('The body is larger than 64 kB.');
  if (body === 'cut-off') throw invalidBody('The body was cut off. Send it again.');
  return body;
}

function tooLate(request: HostRequest, response: ServerResponse, timeoutMs: number): Error {
  closeOnceAnswered(nodeRequestOf(request), response);
  return invalidBody(`The body did not arrive within ${timeoutMs} ms. Send it again.`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalidBody('The body is no JSON.');
  }
}
