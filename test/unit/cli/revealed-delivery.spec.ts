import { describe, expect, it } from '@jest/globals';
import { assertMayReveal, revealLine } from '../../../src/cli/revealed-delivery.js';
import type { DeliveryDetails } from '../../../src/operations/delivery.view.js';

describe('contents', () => {
  it('are revealed on a terminal, or into a file that is asked for', () => {
    for (const [reveal, isTTY] of [
      [true, true],
      ['file', false],
      [undefined, false],
    ] as const)
      expect(() => assertMayReveal({ reveal, reason: 'the customer asks' }, { isTTY })).not.toThrow();
    expect(() => assertMayReveal({ reveal: true, reason: 'the customer asks' }, {})).toThrow(
      'Write --reveal=file if it may.',
    );
  });

  it('are not revealed without a reason, nor with one that says nothing', () => {
    for (const reason of [undefined, '', '    x   ', 'x'.repeat(301)])
      expect(() => assertMayReveal({ reveal: 'file', ...(reason !== undefined && { reason }) }, {})).toThrow(
        '--reveal needs --reason',
      );
    expect(() => assertMayReveal({}, {})).not.toThrow();
  });

  it('that are sealed are said to be, because the command has no key', () => {
    expect(revealLine({ id: 'd-1', contents: 'key-missing' } as DeliveryDetails, 'anna')).toBe(
      'The contents of delivery d-1 cannot be shown here: key-missing.',
    );
  });
});
