import type { ComponentChildren } from 'preact';

export interface Column<T> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly isNumber?: boolean;
  /** The cell that names the row. */
  readonly isHeader?: boolean;
  /** Set if the rows are sorted by it. */
  readonly sort?: 'ascending' | 'descending';
}

interface Props<T> {
  readonly caption: string;
  /** Shows the caption; otherwise only screen readers have it. */
  readonly isCaptionShown?: boolean;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** Says of a row that it is as it was, since it no longer belongs here. */
  readonly isFaded?: (row: T) => boolean;
}

function Cell<T>({ column, row }: { column: Column<T>; row: T }) {
  const content = <div class="cell">{column.cell(row)}</div>;
  const kind = column.isNumber ? 'number' : '';
  // The roles are those that the elements have; browsers drop them where a table is shown as cards.
  return column.isHeader ? (
    <th scope="row" role="rowheader" class={kind} data-label={column.header}>
      {content}
    </th>
  ) : (
    <td role="cell" class={kind} data-label={column.header}>
      {content}
    </td>
  );
}

/** A real table, that becomes cards on a narrow screen. */
export function Table<T>({ caption, isCaptionShown = false, columns, rows, keyOf, isFaded }: Props<T>) {
  return (
    <table role="table" class="cards">
      <caption class={isCaptionShown ? '' : 'unseen'}>{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ id, header, isNumber, sort }) => (
            <th key={id} scope="col" role="columnheader" class={isNumber ? 'number' : ''} aria-sort={sort ?? undefined}>
              {header}
              {sort !== undefined && <span aria-hidden="true">{sort === 'descending' ? ' ↓' : ' ↑'}</span>}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" data-row class={isFaded?.(row) ? 'faded' : ''}>
            {columns.map((column) => (
              <Cell key={column.id} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
