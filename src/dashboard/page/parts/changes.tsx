import type { Change, MaskedValue } from '../../api/contract.js';
import { words } from '../words/index.js';
import { MaskedTree } from './masked-value.js';
import { Table } from './table.js';

function Side({ value, isThere }: { value: MaskedValue | undefined; isThere: boolean }) {
  if (!isThere) return <span class="muted">{words.changes.absent}</span>;
  return value ? <MaskedTree value={value} /> : <span class="hidden-value">{words.changes.masked}</span>;
}

/** What differs between the content that stands and the one that came. Values only where they are not masked. */
export function Changes({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0) return <p>{words.changes.none}</p>;
  return (
    <Table
      caption={words.changes.caption}
      rows={changes}
      keyOf={({ path }) => path}
      columns={[
        { id: 'path', header: words.changes.path, isHeader: true, cell: ({ path }) => <code>{path}</code> },
        {
          id: 'change',
          header: words.changes.change,
          cell: ({ change }) => <span class={`change is-${change}`}>{words.changes.kinds[change]}</span>,
        },
        {
          id: 'before',
          header: words.changes.before,
          cell: ({ change, before }) => <Side value={before} isThere={change !== 'added'} />,
        },
        {
          id: 'after',
          header: words.changes.after,
          cell: ({ change, after }) => <Side value={after} isThere={change !== 'removed'} />,
        },
      ]}
    />
  );
}
