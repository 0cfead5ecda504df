import { useId } from 'preact/hooks';
import type { Preferences } from '../app/preferences.type.js';
import { fromField, toField } from '../time/format.js';
import { words as allWords } from '../words/index.js';

interface Field {
  readonly label: string;
  readonly value: string;
}

interface Choices extends Field {
  readonly choices: readonly string[];
  readonly words?: Readonly<Record<string, string>>;
  readonly onPick: (value: string | null) => void;
}

export function FieldOfChoices({ label, value, choices, words = {}, onPick }: Choices) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onPick(event.currentTarget.value || null)}>
        <option value="">{words[''] ?? allWords.any}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {words[choice] ?? choice}
          </option>
        ))}
      </select>
    </div>
  );
}

interface Text extends Field {
  readonly suggestions?: readonly string[];
  readonly maxLength?: number;
  readonly inputMode?: 'numeric';
  readonly onEnter: (value: string | null) => void;
}

/** A field that counts once it is left, or with Enter. */
export function FieldOfText({ label, value, suggestions = [], maxLength = 255, inputMode, onEnter }: Text) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        inputMode={inputMode}
        list={suggestions.length > 0 ? `${id}-list` : undefined}
        maxLength={maxLength}
        value={value}
        onChange={(event) => onEnter(event.currentTarget.value.trim() || null)}
      />
      {suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
    </div>
  );
}

interface Time extends Field {
  readonly zone: Preferences['zone'];
  readonly onEnter: (value: string | null) => void;
}

/** A time in the chosen zone; its value is epoch milliseconds as text. */
export function FieldOfTime({ label, value, zone, onEnter }: Time) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="datetime-local"
        step={1}
        value={toField(value === '' ? null : Number(value), zone)}
        onChange={(event) => onEnter(fromField(event.currentTarget.value, zone)?.toString() ?? null)}
      />
    </div>
  );
}
