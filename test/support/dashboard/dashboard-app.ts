import {
  Cr3dentialsWebhookDashboardModule,
  type DashboardExtras,
  type DashboardOptions,
  type Operator,
} from 'nestjs-cr3dentials-webhook/dashboard';
import { Injectable, UnauthorizedException, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { request as httpRequest } from 'node:http';
import type { WebhookApp } from '../app/webhook-app.js';

/** Lets in who sends a token that it knows, as a host's session guard does. */
@Injectable()
export class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): true {
    const request = context.switchToHttp().getRequest<TestRequest>();
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) throw new UnauthorizedException();
    request.user = token;
    return true;
  }
}

export interface TestRequest {
  readonly headers: { readonly authorization?: string };
  readonly url: string;
  user?: string;
}

/** Operators by their tokens. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  alice: { id: 'alice@example.com', name: 'Alice', can: 'everything' },
  looker: { id: 'looker@example.com', can: ['look'] },
  acme: { id: 'acme@example.com', can: 'everything', tenants: ['acme'] },
  both: { id: 'both@example.com', can: 'everything', tenants: ['acme', 'globex'] },
  nowhere: { id: 'nowhere@example.com', can: 'everything', tenants: [] },
};

export const PATH = '/ops/inbox';

export function dashboard(more: Partial<DashboardOptions<TestRequest> & DashboardExtras> = {}) {
  return Cr3dentialsWebhookDashboardModule.forRoot<TestRequest>({
    path: 'ops/inbox',
    access: { guards: [TokenGuard], identify: ({ user }) => OPERATORS[String(user)] },
    ...more,
  });
}

export interface Got {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
  /** Parsed body. */
  readonly body: never;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** Prefix of the host. */
  readonly base?: string;
}

/** Asks as the page does, unless headers say otherwise. */
export function ask(
  app: WebhookApp,
  path: string,
  { method, headers = {}, body, base = '' }: Asked = {},
): Promise<Got> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  const posting: Record<string, string> =
    content === undefined ? {} : { 'content-type': 'application/json', 'x-inbox-request': '1' };
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${app.url}${base}${PATH}${path}`, {
      method: method ?? (content === undefined ? 'GET' : 'POST'),
      headers: withoutEmpty({ ...posting, 'sec-fetch-site': 'same-origin', ...headers }),
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = String(response.headers['content-type']).startsWith('application/json');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: (isJson && text !== '' ? JSON.parse(text) : undefined) as never,
        });
      });
    });
    request.end(content);
  });
}

/** Asks as an operator. */
export function as(operator: string, asked: Asked = {}): Asked {
  return { ...asked, headers: { authorization: `Bearer ${operator}`, ...asked.headers } };
}

/** Leaves out what is empty, as a browser that does not send it. */
function withoutEmpty(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
}
