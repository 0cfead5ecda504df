import type { ComponentChildren } from 'preact';
import type { Poll } from '../api/use-poll.js';
import { usePreferences } from '../app/preferences.js';
import { timeOfDay } from '../time/format.js';
import { words } from '../words/index.js';

interface Props<T> {
  readonly poll: Poll<T>;
  readonly children: (data: T) => ComponentChildren;
}

/** Shows what a poll has read. The last data stays while the server cannot be asked, with a line that says so. */
export function Polled<T extends { now: number }>({ poll: { data, error, refresh }, children }: Props<T>) {
  const { zone } = usePreferences().preferences;
  if (!data && !error) return <p class="muted loading">{words.loading}</p>;
  const since = data ? words.errors.notUpToDate(timeOfDay(data.now, zone)) : words.errors.notRead;
  return (
    <>
      {error && (
        <div class="stale">
          <p>
            {since} {error.message}
          </p>
          <button type="button" onClick={refresh}>
            {words.actions.tryAgain}
          </button>
        </div>
      )}
      {data && children(data)}
    </>
  );
}
