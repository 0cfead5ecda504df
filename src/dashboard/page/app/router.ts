import { useEffect, useState } from 'preact/hooks';

/** A place in the page: `#/<page>/<id>?<filters>`. Without a page it is the first of the menu. */
export interface Route {
  readonly page: string;
  readonly id: string | null;
  readonly filters: URLSearchParams;
}

function readRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [page = '', id] = path.split('/', 2);
  return { page, id: id ? decodeURIComponent(id) : null, filters: new URLSearchParams(query) };
}

export type Filters = Readonly<Record<string, string | number | null | undefined>>;

/** Returns the address of a page; filters without a value are left out. */
export function addressOf(page: string, id?: string | null, filters: Filters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  const path = id ? `${page}/${encodeURIComponent(id)}` : page;
  return `#/${path}${query.size > 0 ? `?${query}` : ''}`;
}

export function go(address: string): void {
  location.hash = address;
}

/** Changes filters in the address, so that it can be shared; the others stay. */
export function changeFilters({ page, id, filters }: Route, changes: Filters): void {
  go(addressOf(page, id, { ...Object.fromEntries(filters), ...changes }));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return readRoute(hash);
}
