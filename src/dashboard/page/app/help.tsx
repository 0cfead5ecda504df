import { Dialog } from '../parts/dialog.js';
import { words } from '../words/index.js';
import { pagesFor } from './pages.js';
import { usePreferences } from './preferences.js';
import { useSession } from './session.js';

const text = words.help;

/** The keys, and the switch that turns them off. */
export function Help({ onClose }: { onClose: () => void }) {
  const { preferences, choose } = usePreferences();
  const pages = pagesFor(useSession()).map(({ key, name }) => [`g ${key}`, words.pages[name]] as const);
  return (
    <Dialog title={text.title} onClose={onClose}>
      <dl class="keys">
        {[...text.keys, ...pages].map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={preferences.isKeyboardOn}
          onChange={(event) => choose({ isKeyboardOn: event.currentTarget.checked })}
        />
        {text.areKeysOn}
      </label>
      <p class="buttons">
        <button type="button" class="primary" onClick={onClose}>
          {words.actions.close}
        </button>
      </p>
    </Dialog>
  );
}
