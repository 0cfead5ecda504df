import { useState } from 'preact/hooks';
import { messageOf } from '../api/client.js';

export interface Act {
  readonly isRunning: boolean;
  /** What went wrong at the last try; null otherwise. */
  readonly error: string | null;
  run(work: () => Promise<void>): void;
}

/** Runs what a button starts: once at a time, and an error is shown where the button is. */
export function useAct(): Act {
  const [state, setState] = useState<{ isRunning: boolean; error: string | null }>({ isRunning: false, error: null });
  return {
    ...state,
    run: (work) => {
      if (state.isRunning) return;
      setState({ isRunning: true, error: null });
      work().then(
        () => setState({ isRunning: false, error: null }),
        (error: unknown) => setState({ isRunning: false, error: messageOf(error) }),
      );
    },
  };
}
