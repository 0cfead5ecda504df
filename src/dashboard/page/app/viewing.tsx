import { useId } from 'preact/hooks';
import { zoneName } from '../time/format.js';
import { words } from '../words/index.js';
import { usePreferences } from './preferences.js';
import type { Preferences } from './preferences.type.js';
import { useSession } from './session.js';

const text = words.viewing;
/** Seconds. */
const PACES = [2, 5, 15, 60];

/** Returns what may be chosen: nothing faster than the server allows, and the fastest that it does. */
function pacesFrom(least: number, chosen: number): number[] {
  const slower = PACES.filter((seconds) => seconds >= least);
  return [...new Set([least, ...slower, ...(chosen === 0 ? [] : [chosen])])].toSorted((one, other) => one - other);
}

/** How the viewer looks at the page: pace, time zone, theme. */
export function Viewing({ onHelp }: { onHelp: () => void }) {
  const { preferences, choose } = usePreferences();
  const { refresh } = useSession();
  const id = useId();
  const pace = preferences.refresh === 0 ? 0 : Math.max(preferences.refresh, refresh / 1_000);
  return (
    <div class="viewing">
      <span class="pair">
        <label for={`${id}-pace`}>{text.pace}</label>
        <select
          id={`${id}-pace`}
          value={String(pace)}
          onChange={(event) => choose({ refresh: Number(event.currentTarget.value) })}
        >
          {[...pacesFrom(refresh / 1_000, pace), 0].map((seconds) => (
            <option key={seconds} value={String(seconds)}>
              {seconds === 0 ? text.off : text.seconds(seconds)}
            </option>
          ))}
        </select>
      </span>
      <span class="pair">
        <label for={`${id}-zone`}>{text.zone}</label>
        <select
          id={`${id}-zone`}
          value={preferences.zone}
          onChange={(event) => choose({ zone: event.currentTarget.value as Preferences['zone'] })}
        >
          <option value="local">{zoneName('local')}</option>
          <option value="utc">{zoneName('utc')}</option>
        </select>
      </span>
      <span class="pair">
        <label for={`${id}-theme`}>{text.theme}</label>
        <select
          id={`${id}-theme`}
          value={preferences.theme}
          onChange={(event) => choose({ theme: event.currentTarget.value as Preferences['theme'] })}
        >
          <option value="system">{text.themes.system}</option>
          <option value="light">{text.themes.light}</option>
          <option value="dark">{text.themes.dark}</option>
        </select>
      </span>
      <button type="button" onClick={onHelp}>
        {text.help}
      </button>
    </div>
  );
}
