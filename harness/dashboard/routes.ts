import type { Client, Question } from './client.js';
import { HANDLERS, TENANTS } from './names.js';

const DAY_MS = 86_400_000;
const LONGEST_PAGE = 200;

interface Listed {
  readonly items: readonly { readonly id: string }[];
  readonly next: string | null;
}

/** A route with its conditions, and the question of each round: some are answered from memory if they are the same. */
export interface Measured {
  readonly name: string;
  ask(round: number): Question;
}

/** Resolves to every question that the page has. */
export async function questions(client: Client, now: number): Promise<Measured[]> {
  const lists = [...deliveryLists(now), ...rejectionLists(now), ...actionLists(now)];
  return [
    ...['session', 'overview', 'handlers', 'instances', 'secrets', 'settings', 'bulk'].map(fixed),
    ...tallies(now),
    ...errors(now),
    ...lists.map(fixed),
    ...(await deepPages(client)),
    ...(await details(client)),
    ...(await searches(client)),
    ...['deliveries', 'deliveries?state=dead', 'deliveries?status=ERROR', 'deliveries?state=pending', 'rejections'].map(
      (path) => ({ name: `${path} of one tenant`, ask: () => ({ path, by: 'ben' as const }) }),
    ),
  ];
}

function fixed(path: string): Measured {
  return { name: path, ask: () => ({ path }) };
}

function deliveryLists(now: number): string[] {
  const states = ['pending', 'processing', 'completed', 'dead', 'unhandled', 'discarded', 'erased'];
  const range = `from=${now - 10 * DAY_MS}&to=${now - 9 * DAY_MS}`;
  return [
    'deliveries',
    `deliveries?limit=${LONGEST_PAGE}`,
    ...states.map((state) => `deliveries?state=${state}`),
    'deliveries?status=ERROR',
    'deliveries?status=TERMINATED',
    'deliveries?platform=3',
    'deliveries?platform=99',
    `deliveries?tenant=${TENANTS[1]}`,
    'deliveries?tenant=west',
    `deliveries?${range}`,
    `deliveries?state=dead&${range}`,
    `deliveries?state=completed&status=CANCELLED&platform=2&${range}`,
    `deliveries?state=dead&handler=${HANDLERS[0]}`,
    'deliveries?state=dead&handler=nobody',
    'deliveries?state=dead&error=refused%20as%20cx',
    'deliveries?state=dead&error=unheard',
    'deliveries?state=pending&error=unheard',
    'deliveries?state=pending&sort=due',
    `deliveries?state=dead&tenant=${TENANTS[0]}&status=TERMINATED`,
  ];
}

function rejectionLists(now: number): string[] {
  return [
    'rejections',
    'rejections?state=accepted',
    'rejections?state=discarded',
    'rejections?reason=conflict',
    'rejections?state=discarded&reason=superseded',
    `rejections?tenant=${TENANTS[0]}`,
    'rejections?tenant=west',
    `rejections?from=${now - 10 * DAY_MS}&to=${now - 9 * DAY_MS}`,
  ];
}

function actionLists(now: number): string[] {
  const target = '00000000-0000-7000-8000-000000000000';
  return [
    'actions',
    'actions?operator=ada',
    'actions?operator=nobody',
    'actions?action=replay',
    'actions?action=reveal',
    `actions?target=${target}`,
    'actions?bulk=false',
    `actions?from=${now - 10 * DAY_MS}&to=${now - 9 * DAY_MS}`,
  ];
}

/** The spans of the charts, each at another moment: an answer is kept for some seconds. */
function tallies(now: number): Measured[] {
  const minute = 60_000;
  const spans = {
    hour: [60, 1],
    day: [24 * 60, 5],
    month: [30 * 24 * 60, 120],
    year: [365 * 24 * 60, 24 * 60],
  } as const;
  return ['inbox', `handler:${HANDLERS[0]}`].flatMap((subject) =>
    Object.entries(spans).map(([name, [length, step]]) => ({
      name: `tallies of ${subject}, ${name}`,
      ask: (round: number) => {
        const to = now - round * minute;
        return { path: `tallies?subject=${subject}&from=${to - length * minute}&to=${to}&step=${step * minute}` };
      },
    })),
  );
}

/** Grouped errors, by conditions that are other ones each time. */
function errors(now: number): Measured[] {
  const one = (name: string, query: string, by: 'ada' | 'ben' = 'ada') => ({
    name: `errors${name}`,
    ask: (round: number) => ({ path: `errors?from=${round}&to=${now}${query}`, by }),
  });
  return [
    one('', ''),
    one(' of those that wait', '&state=pending'),
    one(' of one handler', `&handler=${HANDLERS[0]}`),
    one(' of one tenant', `&tenant=${TENANTS[1]}`),
    one(' of an operator with one tenant', '', 'ben'),
  ];
}

/** Pages that begin in the middle of the inbox: a cursor is a place, and so one can be written. */
async function deepPages(client: Client): Promise<Measured[]> {
  const lists = [
    'deliveries',
    'deliveries?state=completed',
    'deliveries?state=dead',
    'deliveries?status=ERROR',
    'deliveries?state=pending&sort=due',
    `deliveries?tenant=${TENANTS[0]}`,
    'rejections?state=discarded',
    'actions',
  ];
  return Promise.all(
    lists.map(async (path) => {
      const { next, items } = await client.json<Listed>({ path });
      if (next === null) throw new Error(`${path} has one page only. Fill more rows.`);
      const [hash, id, at] = JSON.parse(Buffer.from(next, 'base64url').toString()) as [string, string, number?];
      const middle = items[0] ? middleOf(items[0].id) : id;
      const place = at === undefined ? [hash, middle] : [hash, id, at + 60_000];
      const cursor = Buffer.from(JSON.stringify(place)).toString('base64url');
      return fixedAs(`${path}, in the middle`, `${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`);
    }),
  );
}

/** The id of ten days before another. */
function middleOf(id: string): string {
  const hex = (Number.parseInt(id.replace('-', '').slice(0, 12), 16) - 10 * DAY_MS).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}${id.slice(13)}`;
}

function fixedAs(name: string, path: string): Measured {
  return { name, ask: () => ({ path }) };
}

async function details(client: Client): Promise<Measured[]> {
  const first = async (path: string) => {
    const [item] = (await client.json<Listed>({ path })).items;
    if (!item) throw new Error(`${path} is empty.`);
    return item.id;
  };
  return [
    fixedAs('deliveries/:id, completed', `deliveries/${await first('deliveries?state=completed')}`),
    fixedAs('deliveries/:id, dead', `deliveries/${await first('deliveries?state=dead')}`),
    fixedAs('rejections/:id', `rejections/${await first('rejections?state=discarded&reason=conflict')}`),
    fixedAs('bulk/:id', `bulk/${await first('bulk')}`),
  ];
}

async function searches(client: Client): Promise<Measured[]> {
  const { items } = await client.json<Listed>({ path: 'deliveries?state=dead' });
  const values = { session: 'session-4242', reference: 'user-4242', id: items[0]?.id ?? '', nothing: 'unheard' };
  return Object.entries(values).map(([name, value]) => ({
    name: `find by ${name}`,
    ask: () => ({ path: 'find', body: { value } }),
  }));
}

/** They count all that a bulk operation would do, for whom is about to start one: no open page asks that. */
export function previews(): Measured[] {
  const conditions = { dead: { state: 'dead' }, 'dead of a handler': { state: 'dead', handler: HANDLERS[0] } };
  return Object.entries(conditions).map(([name, one]) => ({
    name: `bulk/preview, ${name}`,
    ask: () => ({ path: 'bulk/preview', body: { action: 'replay', conditions: one } }),
  }));
}
