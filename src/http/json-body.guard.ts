import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { WebhookRequest } from './webhook-request.js';
import { webhookExceptions } from './webhook.exception.js';

const MAX_DEPTH_LEVELS = 64;

/**
 * Lets through what both platforms read as the same JSON object. It stands before authentication because one platform
 * refuses some of these bodies while parsing, where nobody is authenticated yet.
 */
@Injectable()
export class JsonBodyGuard implements CanActivate {
  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<WebhookRequest>();
    if (!isJson(request.headers)) throw webhookExceptions.mediaType();
    if (Buffer.isBuffer(request.body)) parseBytes(request, request.body);
    if (isEmpty(request.body) || !isPlain(request.body)) throw webhookExceptions.unreadable();
    return true;
  }
}

export function isJson(headers: WebhookRequest['headers']): boolean {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  const encoding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  return (
    type.trim() === 'application/json' &&
    (charset === undefined || /^charset="?utf-8"?$/.test(charset)) &&
    encoding === 'identity'
  );
}

/** Some hosts' parsers leave the body as it came, such as Nest 11's on Fastify once a limit is set for it. */
function parseBytes(request: WebhookRequest, bytes: Buffer): void {
  request.rawBody ??= bytes;
  try {
    request.body = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    throw webhookExceptions.unreadable();
  }
}

/** Nothing is in an empty object, and Express reads one from no byte at all, and from a byte order mark. */
function isEmpty(body: unknown): boolean {
  return body === null || typeof body !== 'object' || Array.isArray(body) || Object.keys(body).length === 0;
}

/** Neither too deep for recursion nor with the keys Fastify's parser refuses. Iterative: depth is what is in question. */
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
