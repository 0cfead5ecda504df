import { createContext, type ComponentChildren } from 'preact';
import { useContext, useEffect, useMemo, useState } from 'preact/hooks';
import type { Preferences } from './preferences.type.js';

const DEFAULTS: Preferences = { theme: 'system', zone: 'local', refresh: 2, isKeyboardOn: true, hiddenColumns: [] };
const KEY = 'webhook-inbox-preferences';

interface Choices {
  readonly preferences: Preferences;
  choose(changes: Partial<Preferences>): void;
}

const ChoicesContext = createContext<Choices>({ preferences: DEFAULTS, choose: () => undefined });

export function usePreferences(): Choices {
  return useContext(ChoicesContext);
}

/** Reads what is kept. A browser that keeps nothing, or keeps something else, has the defaults. */
function read(): Preferences {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>;
    return { ...DEFAULTS, ...kept, hiddenColumns: Array.isArray(kept.hiddenColumns) ? kept.hiddenColumns : [] };
  } catch {
    return DEFAULTS;
  }
}

function write(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // The choice holds until the page is left.
  }
}

export function PreferencesProvider({ children }: { children: ComponentChildren }) {
  const [preferences, set] = useState(read);
  useEffect(() => {
    document.documentElement.dataset.theme = preferences.theme;
  }, [preferences.theme]);
  const value = useMemo<Choices>(
    () => ({
      preferences,
      choose: (changes) =>
        set((before) => {
          const after = { ...before, ...changes };
          write(after);
          return after;
        }),
    }),
    [preferences],
  );
  return <ChoicesContext.Provider value={value}>{children}</ChoicesContext.Provider>;
}
