import type { IncomingHttpHeaders } from 'node:http';
import type {
  ActionRow,
  BulkAnswer,
  BulkListing,
  BulkPreviewAnswer,
  DeliveryAnswer,
  DeliveryDetail,
  DeliveryRow,
  ErrorAnswer,
  ErrorListing,
  FindAnswer,
  HandlerListing,
  InstanceListing,
  Overview,
  Page,
  RejectionAnswer,
  RejectionDetail,
  RejectionRow,
  RevealAnswer,
  SecretListing,
  Session,
  SettingListing,
  TallyAnswer,
} from '../../../src/dashboard/api/contract.js';
import { detailOf, revealedText, rows } from '../fixtures/deliveries.js';
import * as statistics from '../fixtures/statistics.js';
import { DAY, NOW } from '../fixtures/times.js';
import * as work from '../fixtures/work.js';

interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
}

export type Answer = (asked: Asked) => { status: number; body: unknown };
export type Routes = Map<string, Answer>;

/** Answers of each route, by type, so that they cannot drift from the contract. */
interface Bodies {
  'GET session': Session;
  'GET overview': Overview;
  'GET tallies': TallyAnswer;
  'GET deliveries': Page<DeliveryRow>;
  'POST find': FindAnswer;
  'GET deliveries/*': DeliveryDetail | ErrorAnswer;
  'POST deliveries/*/replay': DeliveryAnswer;
  'POST deliveries/*/discard': DeliveryAnswer;
  'POST deliveries/*/reveal': RevealAnswer;
  'GET errors': ErrorListing;
  'GET rejections': Page<RejectionRow>;
  'GET rejections/*': RejectionDetail | ErrorAnswer;
  'POST rejections/*/accept': RejectionAnswer;
  'POST rejections/*/discard': RejectionAnswer;
  'POST rejections/*/reveal': RevealAnswer;
  'POST bulk/preview': BulkPreviewAnswer;
  'POST bulk': BulkAnswer;
  'GET bulk': BulkListing;
  'POST bulk/*/pause': BulkAnswer;
  'POST bulk/*/resume': BulkAnswer;
  'POST bulk/*/cancel': BulkAnswer;
  'GET handlers': HandlerListing;
  'GET instances': InstanceListing;
  'GET secrets': SecretListing;
  'GET settings': SettingListing;
  'GET actions': Page<ActionRow>;
}

export type RouteName = keyof Bodies;

export function page<T>(items: readonly T[], isEnd = true): Page<T> {
  return {
    now: NOW,
    items: [...items],
    next: isEnd ? null : 'cursor',
    searched: { rows: items.length, backTo: NOW - DAY, isEnd },
  };
}

function idOf({ path }: Asked): string {
  return path.split('/')[1] ?? '';
}

function deliveryOf(asked: Asked): DeliveryRow {
  const row = rows.find(({ id }) => id === idOf(asked));
  if (!row) throw new Error(`No fixture has the id ${idOf(asked)}`);
  return row;
}

function rejectionOf(asked: Asked): RejectionRow {
  const row = work.rejections.find(({ id }) => id === idOf(asked));
  if (!row) throw new Error(`No fixture has the id ${idOf(asked)}`);
  return row;
}

function reveal(standing: string | null): RevealAnswer {
  return { now: NOW, payload: revealedText, standing, hideAt: NOW + work.session.reveal.hideAfter };
}

function foundBy({ body: { value } }: Asked): FindAnswer {
  const isIt = (row: { id: string; sessionId: string | null }) => row.id === value || row.sessionId === value;
  const deliveries = rows.filter((row) => isIt(row) || row.reference === value);
  return { now: NOW, deliveries, rejections: work.rejections.filter(isIt) };
}

const bulk = (state: 'paused' | 'running' | 'cancelled') => (): BulkAnswer => ({
  now: NOW,
  bulk: { ...work.running, state },
});

const bodies: { [K in RouteName]: (asked: Asked) => Bodies[K] } = {
  'GET session': () => work.session,
  'GET overview': () => statistics.overview,
  'GET tallies': ({ query }) =>
    statistics.talliesOf(
      query.get('subject') ?? 'inbox',
      Number(query.get('from')),
      Number(query.get('to')),
      Number(query.get('step')),
    ),
  'GET deliveries': ({ query }) => {
    const state = query.get('state');
    return page(rows.filter((row) => state === null || row.state === state));
  },
  'POST find': foundBy,
  'GET deliveries/*': (asked) => detailOf(deliveryOf(asked)),
  'POST deliveries/*/replay': (asked) => ({ now: NOW, row: { ...deliveryOf(asked), state: 'pending' } }),
  'POST deliveries/*/discard': (asked) => ({ now: NOW, row: { ...deliveryOf(asked), state: 'discarded' } }),
  'POST deliveries/*/reveal': () => reveal(null),
  'GET errors': ({ query }) => {
    const handler = query.get('handler');
    const groups = statistics.errors.groups.filter((group) => handler === null || group.handler === handler);
    return { ...statistics.errors, groups };
  },
  'GET rejections': () => page(work.rejections),
  'GET rejections/*': (asked) => work.rejectionDetailOf(rejectionOf(asked)),
  'POST rejections/*/accept': (asked) => ({
    now: NOW,
    result: 'accepted',
    row: { ...rejectionOf(asked), state: 'accepted' },
  }),
  'POST rejections/*/discard': (asked) => ({
    now: NOW,
    result: 'discarded',
    row: { ...rejectionOf(asked), state: 'discarded' },
  }),
  'POST rejections/*/reveal': () => reveal('{"status":"COMPLETED"}'),
  'POST bulk/preview': () => work.preview,
  'POST bulk': bulk('running'),
  'GET bulk': () => ({ now: NOW, items: [work.running, work.pausedItself] }),
  'POST bulk/*/pause': bulk('paused'),
  'POST bulk/*/resume': bulk('running'),
  'POST bulk/*/cancel': bulk('cancelled'),
  'GET handlers': () => statistics.handlers,
  'GET instances': () => statistics.instances,
  'GET secrets': () => statistics.secrets,
  'GET settings': () => statistics.settings,
  'GET actions': () => page(work.actions),
};

export function routesOf(): Routes {
  return new Map(
    Object.entries(bodies).map(([route, answer]) => [route, (asked: Asked) => ({ status: 200, body: answer(asked) })]),
  );
}

/** Answer with a body of its type. */
export function answering<K extends RouteName>(_: K, body: Bodies[K]): Answer {
  return () => ({ status: 200, body });
}

/** Answer that refuses. */
export function refusing(status: number, error: ErrorAnswer & Readonly<Record<string, unknown>>): Answer {
  return () => ({ status, body: error });
}
