import { describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { left, Progress } from '../../../src/cli/progress.js';
import { until } from '../../support/time/until.js';

/** Remembers what is written to it. */
class Screen extends Writable {
  text = '';
  readonly columns = 120;
  cursorTo = (): boolean => true;
  moveCursor = (): boolean => true;
  clearLine = (): boolean => true;

  constructor(readonly isTTY: boolean) {
    super();
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const on = (screen: Screen) => new Progress(screen as unknown as WriteStream, 40);

describe('progress', () => {
  it('is a bar with the running rate on a terminal', async () => {
    const screen = new Screen(true);
    const progress = on(screen);
    for (let done = 0; done < 25; done++) progress.advance();
    await until('the rate is shown', () => / 25\/40 \| 50\/s \| \S+, [1-9]\d*s left/.test(screen.text));
    progress.stop();
    const { length } = screen.text;
    progress.advance();
    expect(screen.text).toHaveLength(length);
  });

  it.each([
    ['nothing is done', 40, 0, 5_000, '?'],
    ['half is done', 20, 20, 5_000, '5s'],
    ['it takes minutes', 900, 100, 10_000, '1m30s'],
    ['all is done', 0, 40, 5_000, '0s'],
  ])('says how long the rest takes when %s', (_, todo, done, elapsed, text) => {
    expect(left(todo, done, elapsed)).toBe(text);
  });

  it('is silent anywhere else', () => {
    const screen = new Screen(false);
    const progress = on(screen);
    progress.advance();
    progress.stop();
    expect(screen.text).toBe('');
  });

  it('leaves Ctrl-C to the command', () => {
    const before = process.listenerCount('SIGINT');
    const progress = on(new Screen(true));
    expect(process.listenerCount('SIGINT')).toBe(before);
    progress.stop();
  });
});
