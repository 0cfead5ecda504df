import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { usePreferences } from '../app/preferences.js';
import { useLeastRefresh } from '../app/session.js';
import { setServerTime } from '../time/server-time.js';
import type { RequestError } from './client.js';
import { Poller } from './poller.js';

/** Asks every poll of the page to look again at once. */
const REFRESH = 'inbox-refresh';
/** Says that the server wants to know who asks. */
export const SIGNED_OUT = 'inbox-signed-out';

export function refreshNow(): void {
  dispatchEvent(new Event(REFRESH));
}

export interface Poll<T> {
  /** The last answer, also while later ones fail; null before the first. */
  readonly data: T | null;
  readonly error: RequestError | null;
  readonly refresh: () => void;
}

interface Result<T> {
  readonly path: string;
  readonly data: T | null;
  readonly error: RequestError | null;
}

/**
 * Reads from the API again and again, at the pace that the viewer has chosen, at most every `slowest` seconds, and never
 * faster than the server allows.
 * It stops while the page is hidden and while a dialog is open. After an error it waits longer; the data stays.
 */
export function usePoll<T extends { now: number }>(path: string, slowest = 0): Poll<T> {
  const seconds = usePreferences().preferences.refresh;
  const least = useLeastRefresh();
  const interval = seconds === 0 ? 0 : Math.max(seconds * 1_000, slowest * 1_000, least);
  const [result, setResult] = useState<Result<T>>({ path, data: null, error: null });
  const poller = useRef<Poller<T> | null>(null);
  useEffect(() => {
    const current = new Poller<T>(path, interval, {
      onAnswer: (body) => {
        if (body) setServerTime(body.now);
        setResult((before) => ({ path, data: body ?? before.data, error: null }));
      },
      onError: (error) => {
        if (error.status === 401) dispatchEvent(new Event(SIGNED_OUT));
        setResult((before) => ({ path, data: before.path === path ? before.data : null, error }));
      },
    });
    poller.current = current;
    return following(current);
  }, [path, interval]);
  const refresh = useCallback(() => void poller.current?.ask(), []);
  const isCurrent = result.path === path;
  return { data: isCurrent ? result.data : null, error: isCurrent ? result.error : null, refresh };
}

/** Lets it begin, and ask whenever the page is refreshed; returns what ends that. */
function following<T>(poller: Poller<T>): () => void {
  const refresh = () => void poller.ask();
  addEventListener(REFRESH, refresh);
  refresh();
  return () => {
    removeEventListener(REFRESH, refresh);
    poller.stop();
  };
}
