import type { MaskedValue } from '../../api/contract.js';
import { words } from '../words/index.js';

function Leaf({ value }: { value: MaskedValue }) {
  if (value.kind === 'shown') return <code class="shown">{JSON.stringify(value.value)}</code>;
  if (value.kind === 'hidden') return <span class="hidden-value">{words.payload.hidden(value.type)}</span>;
  if (value.kind === 'custom') return <code class="shown">{JSON.stringify(value.value, null, 2)}</code>;
  return <span class="muted">{words.payload.cut}</span>;
}

function Branch({ name, value }: { name: string; value: MaskedValue }) {
  return (
    <li>
      <span class="key">{name}</span>{' '}
      {value.kind === 'list' && <span class="muted">{words.payload.items(value.length)}</span>}
      {value.kind !== 'list' && value.kind !== 'object' && <Leaf value={value} />}
      {(value.kind === 'list' || value.kind === 'object') && <MaskedTree value={value} />}
    </li>
  );
}

/** A body as far as it may be shown: names, kinds and lengths of lists. */
export function MaskedTree({ value }: { value: MaskedValue }) {
  if (value.kind === 'list') {
    return (
      <ul class="tree">
        {value.items.map((item, index) => (
          <Branch key={String(index)} name={`[${index}]`} value={item} />
        ))}
      </ul>
    );
  }
  if (value.kind !== 'object') return <Leaf value={value} />;
  return (
    <ul class="tree">
      {value.fields.map((field) => (
        <Branch key={field.name} name={field.name} value={field.value} />
      ))}
      {value.isCut && <li class="muted">{words.payload.cut}</li>}
    </ul>
  );
}

/** Returns a masked body as JSON, to be copied. */
export function maskedJson(value: MaskedValue): unknown {
  if (value.kind === 'shown' || value.kind === 'custom') return value.value;
  if (value.kind === 'hidden') return words.payload.hidden(value.type);
  if (value.kind === 'list') return value.items.map((item) => maskedJson(item));
  if (value.kind === 'object')
    return Object.fromEntries(value.fields.map((field) => [field.name, maskedJson(field.value)]));
  return words.payload.cut;
}
