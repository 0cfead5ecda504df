/** Returns a detail for people: constraints by field, which are kept as JSON, become sentences. */
export function readableDetail(detail: string | null): string | null {
  try {
    const parsed: unknown = JSON.parse(detail ?? '');
    const lists: unknown[] = typeof parsed === 'object' && parsed !== null ? Object.values(parsed) : [];
    if (lists.length > 0 && lists.every((list) => Array.isArray(list))) return lists.flat().join('; ');
  } catch {
    // It is a sentence already.
  }
  return detail;
}
