import { Cr3dentialsSimulator, verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import type { DatabaseKind } from '../support/database/databases.js';
import { collect, settle } from './evidence.js';
import { Fleet } from './fleet.js';
import { sharedGround } from './ground.js';
import { PATH, SECRET } from './hosts/setting.js';
import type { HostProgram, InstanceSetting } from './instance.js';
import { Ledger } from './ledger.js';
import { Random } from './random.js';
import { Sender } from './sender.js';

/** How many sessions are sent at the same time, each with all its copies. */
const AT_ONCE = 4;
const SETTLING = 60_000;

export type Platform = InstanceSetting['platform'];

/** So many sessions, each sent so many times at the same moment. */
export interface DuplicatesFigure {
  readonly database: DatabaseKind;
  readonly platform: Platform;
  readonly program: HostProgram;
  readonly sessions: number;
  readonly copies: number;
  readonly answered200: number;
  readonly rows: number;
  /** Over all sessions. */
  readonly effects: number;
  /** Sessions with another number of effects than one. */
  readonly notOnce: number;
  /** Over all deliveries, as the module counted them. */
  readonly counted: number;
  readonly unfinished: number;
  /** Milliseconds. */
  readonly slowestAnswer: number;
}

export interface DuplicatesPlan {
  readonly database: DatabaseKind;
  readonly platform: Platform;
  readonly program: HostProgram;
  readonly sessions: number;
  readonly copies: number;
  readonly seed: string;
}

/** Two processes on one database; the copies of a session go to both. */
export async function sendDuplicates(plan: DuplicatesPlan): Promise<DuplicatesFigure> {
  const { seed, ...about } = plan;
  const ground = await sharedGround(plan.database);
  const fleet = await Fleet.gather({
    ...about,
    ground,
    ackTimeout: 10_000,
    size: 2,
    handlersTake: 10,
    clocksAreOff: [],
  });
  const ledger = new Ledger();
  const sender = new Sender(fleet.instances, ledger);
  try {
    await fleet.start();
    await sendAll(plan, sender, new Random(`${seed}/duplicates/${plan.database}/${plan.platform}/${plan.program}`));
    const deadline = performance.now() + SETTLING;
    await settle(ground, 200, () => performance.now() > deadline);
    const { deliveries, effects } = await collect(ground);
    const times = [...effects.values()];
    return {
      ...about,
      answered200: ledger.posts.filter(({ status }) => status === 200).length,
      rows: deliveries.length,
      effects: times.reduce((all, one) => all + one, 0),
      notOnce: times.filter((one) => one !== 1).length,
      counted: deliveries.reduce((all, { duplicates }) => all + duplicates, 0),
      unfinished: deliveries.filter(({ state }) => state !== 'completed').length,
      slowestAnswer: Math.round(ledger.posts.reduce((most, post) => Math.max(most, post.endedAt - post.sentAt), 0)),
    };
  } finally {
    sender.close();
    await fleet.leave(false);
  }
}

async function sendAll({ sessions, copies }: DuplicatesPlan, sender: Sender, random: Random): Promise<void> {
  const simulator = new Cr3dentialsSimulator({
    url: `http://127.0.0.1${PATH}`,
    secret: SECRET,
    retries: 0, // every copy is answered 200 at once
    timeout: 30_000, // the provider's
    fetch: sender.fetch,
  });
  let left = sessions;
  const sendNext = async (): Promise<void> => {
    while (left-- > 0) await simulator.misbehave.duplicateBurst(verificationPayload({ seed: random.hex(24) }), copies);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
}

/** What is not as it must be, in words. */
export function complaintsOfDuplicates(figure: DuplicatesFigure): string[] {
  const { sessions, copies, program } = figure;
  if (program !== 'ours') return figure.effects > sessions ? [] : ['nothing took effect twice: the harness is blind'];
  const demands: readonly (readonly [string, number, number])[] = [
    ['answers 200', figure.answered200, sessions * copies],
    ['rows', figure.rows, sessions],
    ['effects', figure.effects, sessions],
    ['sessions without exactly one effect', figure.notOnce, 0],
    ['counted duplicates', figure.counted, sessions * (copies - 1)],
    ['unfinished', figure.unfinished, 0],
  ];
  return demands
    .filter(([, found, demanded]) => found !== demanded)
    .map(([what, found, demanded]) => `${found} ${what} in place of ${demanded}`);
}
