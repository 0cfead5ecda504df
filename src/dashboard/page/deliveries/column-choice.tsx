import { usePreferences } from '../app/preferences.js';
import { words } from '../words/index.js';
import { deliveryColumns, HIDEABLE } from './columns.js';

/** Choice of the columns that are shown. */
export function ColumnChoice() {
  const { preferences, choose } = usePreferences();
  const hidden = preferences.hiddenColumns;
  return (
    <details class="columns">
      <summary>{words.deliveries.columns}</summary>
      <fieldset>
        <legend class="unseen">{words.deliveries.columns}</legend>
        {HIDEABLE.map((id) => (
          <label key={id} class="check">
            <input
              type="checkbox"
              checked={!hidden.includes(id)}
              onChange={(event) =>
                choose({
                  hiddenColumns: event.currentTarget.checked ? hidden.filter((one) => one !== id) : [...hidden, id],
                })
              }
            />
            {deliveryColumns.find((column) => column.id === id)?.header}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
