import { nodeRequestOf, type HostRequest } from '../access/host.request.js';
import { invalidBody } from './dashboard.exception.js';

/** A filter and a reason are far smaller. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Returns the fields of a body, also where the host has no parser for it.
 *
 * @throws DashboardException 400
 */
export async function readBody(request: HostRequest): Promise<Record<string, unknown>> {
  const body = await parsedBody(request);
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw invalidBody('Send a JSON object, or {} without fields.');
  return body as Record<string, unknown>;
}

async function parsedBody(request: HostRequest): Promise<unknown> {
  const { body } = request;
  const stream = nodeRequestOf(request);
  if (Buffer.isBuffer(body)) return parse(body.toString());
  if (typeof body === 'string') return parse(body);
  if ((body !== undefined && body !== stream) || stream.readableDidRead) return body;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw invalidBody('The body is larger than 64 kB.');
    chunks.push(chunk);
  }
  return parse(Buffer.concat(chunks).toString());
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw invalidBody('The body is no JSON.');
  }
}
