import { describe, expect, it } from '@jest/globals';
import { assert, integer, property, string, stringMatching } from 'fast-check';
import { formatTraceparent, parseTraceparent } from '../../../src/opentelemetry/traceparent.js';

const hex = (length: number) =>
  stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((text) => /[1-9a-f]/.test(text));

describe('a traceparent', () => {
  it('comes back as it was written, with nothing but its sampled flag', () => {
    assert(
      property(hex(32), hex(16), integer({ min: 0, max: 255 }), (traceId, spanId, traceFlags) => {
        const text = formatTraceparent({ traceId, spanId, traceFlags });
        expect(text).toHaveLength(55);
        expect(parseTraceparent(text ?? null)).toEqual({ traceId, spanId, traceFlags: traceFlags & 1, isRemote: true });
      }),
    );
  });

  it.each([
    null,
    '',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331',
  ])('that is not valid is no context: %s', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('is never made of anything else, and nothing throws', () => {
    assert(property(string({ maxLength: 80 }), (text) => expect(parseTraceparent(text)).toBeUndefined()));
  });

  it('is not written for a span that is none', () => {
    expect(formatTraceparent({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 })).toBeUndefined();
  });
});
