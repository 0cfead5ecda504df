import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { WebhookRequest } from './webhook-request.js';
import { webhookExceptions } from './webhook.exception.js';

const MAX_DEPTH_LEVELS = 64;

/**
 * Lets a body through if both platforms read it as the same JSON object. It runs before authentication: one platform
 * refuses some of these bodies while parsing, when nobody is authenticated yet.
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

/**
 * Parses a body that arrives as bytes. Some hosts' parsers leave it so, such as Nest 11's on Fastify once a limit is
 * set for it.
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
