import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../src/testing/seeded-random.js';
import type { Owner } from './event-queue.js';
import { Scheduler } from './scheduler.js';

const owner = (name: string): Owner => ({ name, isAlive: true, frozenUntil: 0 });

async function ran(plan: (scheduler: Scheduler, say: (line: string) => void) => void): Promise<string[]> {
  const scheduler = new Scheduler();
  const lines: string[] = [];
  plan(scheduler, (line) => {
    lines.push(`${scheduler.now} ${line}`);
  });
  await scheduler.run(() => false);
  return lines;
}

/** Each step sets up to three others, at random times. */
function growing(seed: number) {
  const random = new SeededRandom(seed);
  return (scheduler: Scheduler, say: (line: string) => void) => {
    let count = 0;
    const step = (name: string): void => {
      say(name);
      for (let index = 0; index < 3 && count++ < 200; index++)
        scheduler.after(random.whole(0, 20), () => Promise.resolve().then(() => step(`${name}.${index}`)));
    };
    scheduler.after(0, () => step('a'));
  };
}

describe('the scheduler', () => {
  it('runs events in the order of their times, and of their setting where these are equal', async () => {
    const lines = await ran((scheduler, say) => {
      scheduler.after(5, () => say('late'));
      scheduler.after(1, () => say('first'));
      scheduler.after(1, () => say('second'));
    });
    expect(lines).toEqual(['1 first', '1 second', '5 late']);
  });

  it('waits until no promise of an event can go on', async () => {
    const lines = await ran((scheduler, say) => {
      scheduler.after(1, () => {
        void (async () => {
          for (let turn = 0; turn < 50; turn++) await Promise.resolve();
          say('the end of the first');
        })();
      });
      scheduler.after(1, () => say('the second'));
    });
    expect(lines).toEqual(['1 the end of the first', '1 the second']);
  });

  it('stands still while an event waits for what is real', async () => {
    const lines = await ran((scheduler, say) => {
      scheduler.after(1, async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        say('answered');
      });
      scheduler.after(1, () => say('next'));
    });
    expect(lines).toEqual(['1 answered', '1 next']);
  });

  it('drops what belongs to the dead, and puts off what belongs to the frozen', async () => {
    const [dead, frozen] = [owner('dead'), owner('frozen')];
    const lines = await ran((scheduler, say) => {
      scheduler.after(1, () => {
        dead.isAlive = false;
        frozen.frozenUntil = 30;
      });
      scheduler.after(2, () => say('dead'), dead);
      scheduler.after(2, () => say('frozen first'), frozen);
      scheduler.after(3, () => say('frozen second'), frozen);
      scheduler.after(4, () => say('free'));
    });
    expect(lines).toEqual(['4 free', '30 frozen first', '30 frozen second']);
  });

  it('runs the same way under the same seed, and another way under another', async () => {
    const first = await ran(growing(1));
    expect(first.length).toBeGreaterThan(100);
    expect(await ran(growing(1))).toEqual(first);
    expect(await ran(growing(2))).not.toEqual(first);
  });
});
