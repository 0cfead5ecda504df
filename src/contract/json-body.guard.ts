import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { WebhookRequest } from '../webhook-request.js';
import { refusals } from './refusal.js';

const MAX_DEPTH = 64;

/**
 * Lets through what both platforms read as the same JSON object. It stands before authentication because one platform
 * refuses some of these bodies while parsing, where nobody is authenticated yet.
 */
@Injectable()
export class JsonBodyGuard implements CanActivate {
  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<WebhookRequest>();
    if (!isJson(request.headers)) throw refusals.mediaType();
    if (isEmpty(request) || !isPlain(request.body)) throw refusals.unreadable();
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

/** Express reads zero bytes as `{}`, Fastify refuses them: neither may differ from the other. */
function isEmpty({ body, raw, readableDidRead = raw?.readableDidRead }: WebhookRequest): boolean {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) return true;
  return Object.keys(body).length === 0 && readableDidRead === false;
}

/** Neither too deep for recursion nor with the keys Fastify's parser refuses. Iterative: depth is what is in question. */
function isPlain(body: unknown): boolean {
  let level = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return false;
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
  if (!Object.hasOwn(value, 'constructor')) return false;
  const { constructor } = value as { constructor: unknown };
  return constructor !== null && typeof constructor === 'object' && Object.hasOwn(constructor, 'prototype');
}
