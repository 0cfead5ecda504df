import { describe, expect, it } from '@jest/globals';
import { patch } from './patch.js';

class Greeter {
  greet(): string {
    return 'hello';
  }
}

describe('a control', () => {
  it('replaces a method, and puts it back', () => {
    const restore = patch(Greeter, 'greet', () => () => 'goodbye');
    expect(new Greeter().greet()).toBe('goodbye');
    restore();
    expect(new Greeter().greet()).toBe('hello');
  });

  it('is loud when the method has gone', () => {
    expect(() => patch(Greeter, 'wave', () => () => {})).toThrow('Greeter has no method wave any more');
  });
});
