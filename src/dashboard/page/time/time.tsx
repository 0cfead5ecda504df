import { usePreferences } from '../app/preferences.js';
import { words } from '../words/index.js';
import { dateAndTime, relative, zoneName } from './format.js';
import { useTicking } from './server-time.js';

/** A time as people say it; the exact one is in its title. */
export function Ago({ at }: { at: number }) {
  const { zone } = usePreferences().preferences;
  return (
    <time dateTime={new Date(at).toISOString()} title={`${dateAndTime(at, zone)} ${zoneName(zone)}`}>
      {relative(at, useTicking())}
    </time>
  );
}

/** The exact time in the chosen zone; how long ago is in its title. */
export function Moment({ at }: { at: number }) {
  const { zone } = usePreferences().preferences;
  return (
    <time dateTime={new Date(at).toISOString()} title={relative(at, useTicking())}>
      {dateAndTime(at, zone)}
    </time>
  );
}

/** A time that there may not be. */
export function MaybeAgo({ at }: { at: number | null }) {
  return at === null ? <span class="muted">{words.none}</span> : <Ago at={at} />;
}
