import { useSay } from '../app/announcer.js';
import { words } from '../words/index.js';

/** Puts a text on the clipboard, or says why that cannot be done. */
export function CopyButton({ text, label }: { text: string | (() => string); label: string }) {
  const say = useSay();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text());
      say(words.copy.done(label));
    } catch {
      // A page that is not served over HTTPS has no clipboard.
      say(words.copy.refused);
    }
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {label}
    </button>
  );
}
