import { createContext, type ComponentChildren } from 'preact';
import { useCallback, useContext, useState } from 'preact/hooks';
import { words } from '../words/index.js';

type Say = (text: string) => void;

const SayContext = createContext<Say>(() => undefined);

/** Returns what tells the operator about their own acts and about new problems. Polls say nothing. */
export function useSay(): Say {
  return useContext(SayContext);
}

export function Announcer({ children }: { children: ComponentChildren }) {
  const [text, setText] = useState('');
  const say = useCallback<Say>((next) => setText(next), []);
  return (
    <SayContext.Provider value={say}>
      {children}
      <div class="announcer">
        <span role="status">{text}</span>
        {text !== '' && (
          <button type="button" class="quiet" onClick={() => setText('')}>
            {words.actions.dismiss}
          </button>
        )}
      </div>
    </SayContext.Provider>
  );
}
