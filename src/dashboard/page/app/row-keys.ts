import { useKeys } from './keys.js';

function rows(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('main [data-row]')];
}

function currentRow(): HTMLElement | null {
  return document.activeElement?.closest<HTMLElement>('[data-row]') ?? null;
}

/** Moves the focus to the main link of the row that is so many further; at an end it stays. */
function move(by: 1 | -1): void {
  const all = rows();
  const current = currentRow();
  const at = current ? all.indexOf(current) + by : by > 0 ? 0 : all.length - 1;
  const link = all[at]?.querySelector<HTMLElement>('[data-open]');
  link?.focus();
  link?.scrollIntoView({ block: 'nearest' });
}

/** `j` and `k` go through the rows of a table, `x` selects the one that has the focus; `Enter` follows its link. */
export function useRowKeys(): void {
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => currentRow()?.querySelector<HTMLInputElement>('input[type=checkbox]')?.click(),
  });
}
