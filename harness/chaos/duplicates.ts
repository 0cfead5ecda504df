import { Cr3dentialsSimulator, verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import type { DatabaseKind } from '../../test/support/database/databases.js';
import { readFinalState, waitForQuiet } from './final-state.js';
import { Cluster } from './cluster.js';
import { openSharedDatabase } from './database-under-test.js';
import { PATH, SECRET } from './hosts/host-settings.js';
import type { HostProgram, InstanceSettings } from './instance.js';
import { History } from './history.js';
import { Random } from './random.js';
import { Sender } from './sender.js';

/** Sessions that are sent at the same time, each with all its copies. */
const CONCURRENT_SESSIONS = 4;
const SETTLE_TIMEOUT_MS = 60_000;

export type Platform = InstanceSettings['platform'];

/** The counts of sessions that were each sent many times at the same moment. */
export interface DuplicatesFigure {
  readonly database: DatabaseKind;
  readonly platform: Platform;
  readonly program: HostProgram;
  readonly sessions: number;
  readonly copies: number;
  readonly answered200: number;
  readonly rows: number;
  /** Effects of all sessions. */
  readonly effects: number;
  /** Sessions with another number of effects than one. */
  readonly notOnce: number;
  /** Duplicates of all deliveries, as the module counted them. */
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

/** Sends the copies of each session to two processes on one database. */
export async function sendDuplicates(plan: DuplicatesPlan): Promise<DuplicatesFigure> {
  const { seed, ...about } = plan;
  const database = await openSharedDatabase(plan.database);
  const cluster = await Cluster.start({
    ...about,
    database,
    ackTimeoutMs: 10_000,
    size: 2,
    slowHandlerMs: 10,
    clockOffsetsMs: [],
    handlers: [],
  });
  const history = new History();
  const sender = new Sender(cluster.instances, history);
  try {
    await sendAll(plan, sender, new Random(`${seed}/duplicates/${plan.database}/${plan.platform}/${plan.program}`));
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    await waitForQuiet(database, 200, () => performance.now() > deadline);
    const { deliveries, effects } = await readFinalState(database);
    const times = [...effects.values()];
    return {
      ...about,
      answered200: history.posts.filter(({ status }) => status === 200).length,
      rows: deliveries.length,
      effects: times.reduce((all, one) => all + one, 0),
      notOnce: times.filter((one) => one !== 1).length,
      counted: deliveries.reduce((all, { duplicates }) => all + duplicates, 0),
      unfinished: deliveries.filter(({ state }) => state !== 'completed').length,
      slowestAnswer: Math.round(history.posts.reduce((most, post) => Math.max(most, post.endedAt - post.sentAt), 0)),
    };
  } finally {
    sender.close();
    await cluster.tearDown(false);
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
  await Promise.all(Array.from({ length: CONCURRENT_SESSIONS }, sendNext));
}

/** Returns what is not as it must be, in words. */
export function duplicateViolations(figure: DuplicatesFigure): string[] {
  const { sessions, copies, program } = figure;
  if (program !== 'ours')
    return figure.effects > sessions ? [] : ['nothing took effect twice: the harness would not detect it'];
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
