import type { OpenedText } from '../inbox/payload.codec.js';

/**
 * Tells whether contents can be read.
 *
 * - `readable`: they can.
 * - `key-missing`: the key that they are sealed with is not configured, or cannot be had now.
 * - `purged`: their time was over, and they were removed.
 * - `erased`: they were erased, or the key that they are sealed with was destroyed.
 * - `broken`: they were changed, moved or cut off since they were sealed; or they are not sealed, and must be.
 *
 * @publicApi
 */
export type ContentsState = 'readable' | 'purged' | 'erased' | 'key-missing' | 'broken';

export function contentsOf({ contents }: OpenedText): ContentsState {
  switch (contents) {
    case 'readable':
    case 'key-missing':
      return contents;
    case 'broken':
    case 'plaintext-refused':
      return 'broken';
    case 'destroyed':
      return 'erased';
    default:
      return contents satisfies never;
  }
}

export function textOf(opened: OpenedText): string | null {
  return opened.contents === 'readable' ? opened.text : null;
}
