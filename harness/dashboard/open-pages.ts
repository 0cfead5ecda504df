import { verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, send } from './client.js';
import type { Instance } from './instance.js';
import { shareOf } from './measure.js';
import { SECRET } from './names.js';

const PAGES = 50;
const CONNECTIONS = 64;
const ROUND_MS = 5_000;
/** What an open overview asks, and how often at its default pace. */
const POLLS = [
  { path: () => 'overview', everyMs: 2_000 },
  { path: () => lastHour(Date.now()), everyMs: 10_000 },
];

/** A page that is answered 503 waits that long, and then twice as long. */
const BACK_OFF_MS = 4_000;

/** Ratios of medians: rounds with open pages to those without. */
export interface PageCost {
  readonly rateAlone: number;
  readonly rate: number;
  readonly cpuPerPost: number;
  /** Polls that were answered 503, because the app had no time for them. */
  readonly busy: number;
}

interface Round {
  /** POSTs acknowledged in a second. */
  readonly rate: number;
  /** Time of the app's processor for one. */
  readonly cpuPerPost: number;
}

/** Acknowledges as many POSTs as it can, in rounds with and without open pages by turns. */
export async function costOfPages(instance: Instance, rounds: number): Promise<PageCost> {
  const [alone, beside]: [Round[], Round[]] = [[], []];
  let busy = 0;
  await load(instance); // until it is compiled
  for (let round = 0; round < rounds; round++) {
    // Which is first changes too: what runs later meets more rows.
    const isWithPages = (round % 4 === 1) !== (round % 4 === 2);
    const pages = isWithPages ? new OpenPages(instance.url) : undefined;
    (isWithPages ? beside : alone).push(await load(instance));
    await pages?.close();
    busy += pages?.busy ?? 0;
  }
  const median = (all: readonly Round[], of: keyof Round) =>
    shareOf(
      all.map((one) => one[of]).toSorted((a, b) => a - b),
      0.5,
    );
  const ratio = (of: keyof Round) => median(beside, of) / median(alone, of);
  return { rateAlone: median(alone, 'rate'), rate: ratio('rate'), cpuPerPost: ratio('cpuPerPost'), busy };
}

async function load(instance: Instance): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = { 'Content-Type': 'application/json', 'X-API-Key': SECRET };
  const url = `${instance.url}/webhook/cr3dentials`;
  await instance.used();
  const begun = performance.now();
  let posts = 0;
  const sender = async () => {
    while (performance.now() - begun < ROUND_MS) {
      const body = JSON.stringify(verificationPayload({ sessionId: randomUUID() }));
      const { status, text } = await send(url, agent, headers, body);
      if (status !== 200) throw new Error(`A POST was answered ${status}: ${text.slice(0, 200)}`);
      posts++;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sender));
  const seconds = (performance.now() - begun) / 1_000;
  const { cpuMs } = await instance.used();
  agent.destroy();
  return { rate: posts / seconds, cpuPerPost: cpuMs / posts };
}

/** Pages that are open, and poll as a page does. */
class OpenPages {
  readonly #clients: readonly Client[];
  readonly #polls: readonly Promise<void>[];
  readonly #abort = new AbortController();
  /** Number of polls that were answered 503. */
  busy = 0;

  constructor(url: string) {
    setMaxListeners(0, this.#abort.signal);
    this.#clients = Array.from({ length: PAGES }, () => new Client(url));
    this.#polls = this.#clients.flatMap((client, index) =>
      POLLS.map(({ path, everyMs }) => this.#poll(client, path, everyMs, (index / PAGES) * everyMs)),
    );
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#polls);
    for (const client of this.#clients) client.close();
  }

  /** They were not opened all at once. */
  async #poll(client: Client, path: () => string, everyMs: number, firstMs: number): Promise<void> {
    let [etag, failures]: [string | undefined, number] = [undefined, 0];
    await this.#pause(firstMs);
    while (!this.#abort.signal.aborted) {
      try {
        ({ etag } = await client.ask({ path: path() }, etag));
        failures = 0;
      } catch (error) {
        if (!String(error).includes('INBOX_BUSY')) throw error;
        this.busy++;
        failures++;
      }
      await this.#pause(failures === 0 ? everyMs : BACK_OFF_MS * 2 ** (failures - 1));
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return sleep(milliseconds, undefined, { signal: this.#abort.signal }).catch(() => {});
  }
}

function lastHour(now: number): string {
  const minute = 60_000;
  const to = Math.ceil(now / minute) * minute;
  return `tallies?subject=inbox&from=${to - 60 * minute}&to=${to}&step=${minute}`;
}
