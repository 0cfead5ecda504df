import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import type { BulkStartRequest, ErrorAnswer } from '../../../src/dashboard/api/contract.js';
import { routesOf, type Answer, type Routes } from './fixture-routes.js';

interface BuiltPage {
  readonly shell: string;
  readonly assets: Readonly<Record<string, { type: string; hash: string; body: string }>>;
}

/** The page as the package has it. `npm run build` makes it. */
export function builtPage(): BuiltPage {
  return createRequire(import.meta.url)('../../../dist/dashboard-page.cjs') as BuiltPage;
}

/** The policy of the server of the page. The tests of the real server see that it is the same. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown> & Partial<BulkStartRequest>;
  readonly headers: IncomingMessage['headers'];
}

export interface FixtureServer {
  readonly url: string;
  /** Requests of the API that acted, oldest first. */
  readonly acts: readonly Recorded[];
  /** Number of requests of the API with this path. */
  asked(path: string): number;
  /** Answers a route otherwise, as `GET overview`; the rest stays. */
  answer(route: string, answer: Answer): void;
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<Recorded['body']> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? {} : (JSON.parse(text) as Recorded['body']);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(body));
}

function sendPage(response: ServerResponse, url: URL, signIn: string): void {
  const { shell, assets } = builtPage();
  response.setHeader('Content-Security-Policy', POLICY);
  const file = url.searchParams.get('file');
  if (file === null) {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(shell.replace('%TITLE%', 'Webhook inbox').replace('%SIGN_IN%', signIn));
    return;
  }
  const asset = Object.entries(assets).find(([name, { hash }]) => name.replace('.', `.${hash}.`) === file)?.[1];
  response.statusCode = asset ? 200 : 404;
  if (asset) response.setHeader('Content-Type', asset.type);
  response.end(asset?.body);
}

/** Finds the answer of a route; one such as `GET deliveries/*` has any id. */
function find(routes: Routes, method: string, path: string): Answer | undefined {
  const exact = routes.get(`${method} ${path}`);
  return exact ?? routes.get(`${method} ${path.replace(/^([^/]+)\/[^/]+/, '$1/*')}`);
}

/** Serves the built page below `/ops/inbox`, with answers that are made up. `signIn` is `bearer` or nothing. */
export async function fixtureServer({ signIn = '' } = {}): Promise<FixtureServer> {
  const routes = routesOf();
  const acts: Recorded[] = [];
  const counts = new Map<string, number>();
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname === '/ops/inbox') return sendPage(response, url, signIn);
    const path = url.pathname.replace('/ops/inbox/api/', '');
    const method = request.method ?? 'GET';
    counts.set(path, (counts.get(path) ?? 0) + 1);
    const body = await bodyOf(request);
    if (method === 'POST') acts.push({ method, path, body, headers: request.headers });
    const answer = find(routes, method, path);
    const unknown: ErrorAnswer = { code: 'NOT_FOUND', message: 'There is none.' };
    const { status, body: sent } = answer?.({ path, body, query: url.searchParams, headers: request.headers }) ?? {
      status: 404,
      body: unknown,
    };
    sendJson(response, status, sent);
  };
  const server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ops/inbox`,
    acts,
    asked: (path) => counts.get(path) ?? 0,
    answer: (route, answer) => routes.set(route, answer),
    close: () => closed(server),
  };
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
