import { describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import { Progress } from '../../../src/cli/progress.js';
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
    await until('the rate is shown', () => / 25\/40 \| 50\/s/.test(screen.text));
    progress.stop();
    const { length } = screen.text;
    progress.advance();
    expect(screen.text).toHaveLength(length);
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
