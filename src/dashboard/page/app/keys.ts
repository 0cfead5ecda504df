import { useLayoutEffect, useRef } from 'preact/hooks';

/** What keys do: a character as `event.key` has it, or two for one after the other, as `g o`. */
export type KeyBindings = Readonly<Record<string, () => void>>;

/** Milliseconds within which the second key of two has to follow. */
const SEQUENCE_MS = 1_500;

/** Bindings that are in force; those of a page come before those of the app. */
const inForce = new Set<{ readonly current: KeyBindings }>();
const pressed = { prefix: '', at: 0 };

function isInField(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function isDialogOpen(): boolean {
  return document.querySelector('dialog[open]') !== null;
}

function find(key: string): (() => void) | undefined {
  return [...inForce].toReversed().find(({ current }) => Object.hasOwn(current, key))?.current[key];
}

function isPrefix(key: string): boolean {
  return [...inForce].some(({ current }) => Object.keys(current).some((name) => name.startsWith(`${key} `)));
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  // A checkbox is a field too, but nobody types into it.
  const isTyping = isInField(event.target) && (event.target as HTMLInputElement).type !== 'checkbox';
  if (isTyping || isDialogOpen()) return;
  const isSequence = pressed.prefix !== '' && event.timeStamp - pressed.at < SEQUENCE_MS;
  const key = isSequence ? `${pressed.prefix} ${event.key}` : event.key;
  pressed.prefix = '';
  const act = find(key);
  if (act) {
    event.preventDefault();
    act();
  } else if (isPrefix(event.key)) {
    pressed.prefix = event.key;
    pressed.at = event.timeStamp;
  }
}

/** Puts keys in force while the component is shown: from then on, not only after the next frame. */
export function useKeys(bindings: KeyBindings): void {
  const ref = useRef(bindings);
  ref.current = bindings;
  useLayoutEffect(() => {
    inForce.add(ref);
    return () => {
      inForce.delete(ref);
    };
  }, []);
}

/** Listens to the keyboard, unless the viewer has switched the keys off. */
export function useKeyboard(isOn: boolean): void {
  useLayoutEffect(() => {
    if (!isOn) return;
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [isOn]);
}
