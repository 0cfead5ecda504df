import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { WebhookRequest } from './webhook-request.js';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { BodyReader } from './body.reader.js';
import { webhookExceptions } from './webhook.exception.js';

const MAX_DEPTH_LEVELS = 64;
const JSON_TYPE = 'application/json';

/**
 * Lets a body through if both platforms read it as the same JSON object. It runs before authentication: one platform
 * refuses some of these bodies while parsing, when nobody is authenticated yet.
 */
@Injectable()
export class JsonBodyGuard implements CanActivate {
  constructor(private readonly reader: BodyReader) {}

  canActivate(context: ExecutionContext): true | Promise<true> {
    const http = context.switchToHttp();
    const request = http.getRequest<WebhookRequest>();
    if (!isJson(request.headers)) throw webhookExceptions.mediaType();
    const stream = request.raw ?? (request as unknown as IncomingMessage);
    if (request.body === undefined) request.body = keptBody(request, stream);
    if (request.body !== undefined && request.body !== stream) return check(request);
    const response = http.getResponse<ServerResponse & { raw?: ServerResponse }>();
    return this.readAndCheck(request, stream, response.raw ?? response);
  }

  private async readAndCheck(request: WebhookRequest, stream: IncomingMessage, response: ServerResponse) {
    request.body = await this.reader.read(stream, response);
    return check(request);
  }
}

function check(request: WebhookRequest): true {
  if (Buffer.isBuffer(request.body)) parseBytes(request, request.body);
  else if (isText(request)) parseBytes(request, Buffer.from(request.body));
  if (!isReadable(request.body)) throw webhookExceptions.unreadable();
  return true;
}

/** Returns the body that a middleware of the host has read and left in `rawBody` alone. */
function keptBody({ rawBody }: { readonly rawBody?: unknown }, stream: IncomingMessage): Buffer | undefined {
  if (!stream.readableDidRead) return undefined;
  if (typeof rawBody === 'string') return Buffer.from(rawBody);
  return rawBody instanceof Uint8Array ? Buffer.from(rawBody) : undefined;
}

/** Tells whether a parsed body is a JSON object that both platforms would let through. */
export function isReadable(body: unknown): body is object {
  return !isEmpty(body) && isPlain(body);
}

/**
 * Tells whether a body is the text as it was sent, as a text parser of the host leaves it. A parsed JSON string is
 * shorter than its text.
 */
function isText(request: WebhookRequest): request is WebhookRequest & { body: string } {
  const { body, headers } = request;
  if (typeof body !== 'string') return false;
  return Buffer.byteLength(body) === Number(headers['content-length'] ?? Buffer.byteLength(body));
}

export function isJson(headers: IncomingHttpHeaders): boolean {
  if (headers['content-type'] === JSON_TYPE && headers['content-encoding'] === undefined) return true;
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  return (
    /^application\/([\w.!#$&^-]+\+)?json$/.test(type.trim()) &&
    (charset === undefined || /^charset=("?)(utf-?8|us-ascii|ascii)\1$/.test(charset)) &&
    encoding === 'identity'
  );
}

/** Tells whether a type of content may be JSON in UTF-8 that not every parser knows as such. */
export function isNonstandardJsonType({ 'content-type': type }: IncomingHttpHeaders): boolean {
  return type !== undefined && type !== JSON_TYPE && /\+json|utf8|ascii/i.test(type);
}

/** Gives the parser of the host the spelling that all of them know. */
export function normalizeContentType(headers: IncomingHttpHeaders): void {
  if (isJson(headers)) headers['content-type'] = JSON_TYPE;
}

/**
 * Parses a body that arrives as bytes. Some hosts' parsers leave it so, such as Nest 11's on Fastify once a limit is
 * set for it, and we read it so ourselves.
 */
function parseBytes(request: WebhookRequest, bytes: Buffer): void {
  request.rawBody ??= bytes;
  try {
    request.body = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    throw webhookExceptions.unreadable();
  }
}

/**
 * Tells whether a body is no object, or one without keys. Express makes an empty object of an empty body, and of a byte
 * order mark.
 */
function isEmpty(body: unknown): boolean {
  return body === null || typeof body !== 'object' || Array.isArray(body) || Object.keys(body).length === 0;
}

/**
 * Tells whether a body is shallow enough for recursion and has no keys that Fastify's parser refuses. It is iterative,
 * because the depth is what is in question.
 */
function isPlain(body: unknown): boolean {
  let level = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH_LEVELS) return false;
    const next: unknown[] = [];
    for (const value of level) {
      if (value === null || typeof value !== 'object') continue;
      if (reachesPrototype(value)) return false;
      for (const key in value) next.push((value as Record<string, unknown>)[key]);
    }
    level = next;
  }
  return true;
}

function reachesPrototype(value: object): boolean {
  if (Object.hasOwn(value, '__proto__')) return true;
  return Object.hasOwn(value, 'constructor') && Object.hasOwn(Object(value.constructor) as object, 'prototype');
}
