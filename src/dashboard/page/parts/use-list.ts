import { useEffect, useState } from 'preact/hooks';
import type { Page } from '../../api/contract.js';
import { get } from '../api/client.js';
import { usePoll, type Poll } from '../api/use-poll.js';
import { append, merge, NOTHING, start, type Row, type Shown } from './list-rows.js';
import { useAct } from './use-act.js';

export interface List<T> extends Omit<Shown<T>, 'path'> {
  readonly poll: Poll<Page<T>>;
  readonly isReadingMore: boolean;
  readonly error: string | null;
  /** Reads the list anew, with what has come meanwhile. */
  showNewer(): void;
  /** Reads the next page, or searches further. */
  more(): void;
}

function readNext<T>(path: string, cursor: string): Promise<Page<T> | null> {
  const join = path.includes('?') ? '&' : '?';
  return get<Page<T>>(`${path}${join}cursor=${encodeURIComponent(cursor)}`).then(({ body }) => body);
}

/** A list that is read page by page, and stays up to date without moving. `path` has the filter. */
export function useList<T extends Row>(path: string): List<T> {
  const poll = usePoll<Page<T>>(path);
  const [shown, setShown] = useState<Shown<T>>(NOTHING);
  const { isRunning, error, run } = useAct();
  const { data } = poll;
  useEffect(() => {
    if (data) setShown((before) => (before.path === path ? merge(before, data) : start(path, data)));
  }, [data, path]);
  const current = shown.path === path ? shown : NOTHING;
  const readMore = async (cursor: string) => {
    const page = await readNext<T>(path, cursor);
    if (page) setShown((before) => (before.path === path ? append(before, page) : before));
  };
  return {
    ...current,
    poll,
    isReadingMore: isRunning,
    error,
    showNewer: () => data && setShown(start(path, data)),
    more: () => current.next !== null && run(() => readMore(current.next ?? '')),
  };
}
