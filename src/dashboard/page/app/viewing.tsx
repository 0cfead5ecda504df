import { useId } from 'preact/hooks';
import { zoneName } from '../time/format.js';
import { words } from '../words/index.js';
import { usePreferences } from './preferences.js';
import type { Preferences } from './preferences.type.js';
import { useSession } from './session.js';

const text = words.viewing;
const PACES: readonly Preferences['refresh'][] = [2, 5, 15, 60, 0];

/** How the viewer looks at the page: pace, time zone, theme. */
export function Viewing({ onHelp }: { onHelp: () => void }) {
  const { preferences, choose } = usePreferences();
  const { refresh } = useSession();
  const id = useId();
  const paces = PACES.filter((seconds) => seconds === 0 || seconds * 1_000 >= refresh);
  return (
    <div class="viewing">
      <span class="pair">
        <label for={`${id}-pace`}>{text.pace}</label>
        <select
          id={`${id}-pace`}
          value={String(preferences.refresh)}
          onChange={(event) => choose({ refresh: Number(event.currentTarget.value) as Preferences['refresh'] })}
        >
          {paces.map((seconds) => (
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
