import type { INestApplication } from '@nestjs/common';

/** Token under which the module of the page provides its routes. It is the same in each copy of the package. */
const DASHBOARD_ROUTES_TOKEN = 'cr3dentials-webhook dashboard routes';
const SOME_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
/** Answers that let nobody in. */
const CLOSED = new Set([301, 302, 303, 307, 308, 401, 403]);
const JSON_HEADERS = { 'content-type': 'application/json', 'x-inbox-request': '1' };
const METHODS_WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

interface Route {
  readonly method: string;
  readonly path: string;
  readonly isOpen: boolean;
}

/**
 * Asks every route at and below the path of the page without credentials, as the page itself would, and rejects if one
 * answers. Call it in a test of your application, which must listen. The page that asks for a token is left out: it
 * holds no data.
 *
 * @returns the routes that were asked, such as `GET /ops/inbox/api/deliveries`
 * @throws Error naming the routes that are open, or if there is none
 * @publicApi
 */
export async function dashboardIsClosed(app: INestApplication): Promise<string[]> {
  const all = app.get<{ list(): Route[] }>(DASHBOARD_ROUTES_TOKEN, { strict: false }).list();
  const routes = all.filter(({ isOpen, method }) => !isOpen && method !== 'OPTIONS');
  if (routes.length === 0)
    throw new Error('The page has no route. Import Cr3dentialsWebhookDashboardModule, and listen.');
  const url = await app.getUrl();
  const answers: { name: string; status: number }[] = [];
  for (const { method, path } of routes)
    answers.push({ name: `${method} ${path}`, status: await statusOf(url, method, path) });
  const open = answers.filter(({ status }) => !CLOSED.has(status));
  if (open.length === 0) return answers.map(({ name }) => name);
  const names = open.map(({ name, status }) => `${name} answered ${status}`);
  throw new Error(`The page is open: ${names.join(', ')}. Each route must have a guard that refuses.`);
}

async function statusOf(url: string, method: string, path: string): Promise<number> {
  const hasBody = METHODS_WITH_BODY.has(method);
  const { status, body } = await fetch(url + path.replaceAll(/:\w+/g, SOME_ID), {
    method,
    redirect: 'manual',
    headers: { 'sec-fetch-site': 'same-origin', ...(hasBody && JSON_HEADERS) },
    ...(hasBody && { body: '{}' }),
  });
  await body?.cancel();
  return status;
}
