import { useKeys } from '../app/keys.js';
import { usePreferences } from '../app/preferences.js';
import { dateAndTime } from '../time/format.js';
import { words } from '../words/index.js';
import type { List } from './use-list.js';

/** Says above a list how many have come since it was read. */
export function NewerRows<T>({ list }: { list: List<T> }) {
  const show = () => {
    if (list.newer > 0) list.showNewer();
  };
  useKeys({ n: show });
  if (list.newer === 0) return null;
  return (
    <p class="newer">
      <button type="button" onClick={show}>
        {words.list.newer(list.newer)}
      </button>
    </p>
  );
}

/** Says below a list how far was looked, and looks further. It never says "none" before everything was looked at. */
export function ListEnd<T>({ list }: { list: List<T> }) {
  const { zone } = usePreferences().preferences;
  const { searched, rows, next } = list;
  if (!searched) return null;
  const backTo = searched.backTo === null ? null : dateAndTime(searched.backTo, zone);
  return (
    <div class="list-end">
      <p class="muted">
        {next === null ? words.list.end(rows.length) : words.list.searched(rows.length, searched.rows, backTo)}
      </p>
      {next !== null && (
        <button type="button" onClick={list.more} disabled={list.isReadingMore}>
          {list.isReadingMore ? words.loading : rows.length > 0 ? words.list.more : words.list.further}
        </button>
      )}
      {list.error !== null && (
        <p class="error" role="alert">
          {list.error}
        </p>
      )}
    </div>
  );
}
