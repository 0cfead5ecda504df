import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  assert,
  asyncProperty,
  array,
  constantFrom,
  jsonValue,
  nat,
  oneof,
  record,
  string,
  tuple,
  uint8Array,
} from 'fast-check';
import { EveryHost } from '../support/app/every-host.js';
import { mutate, mutations, type Mutation } from '../support/http/mutations.js';
import { payload } from '../support/app/payload.js';

/** For long runs: `FAST_CHECK_RUNS=100000`; to run a failure again: `FAST_CHECK_SEED`, as the failure has printed it. */
const { FAST_CHECK_RUNS = '100', FAST_CHECK_SEED } = process.env;
const settings = { numRuns: Number(FAST_CHECK_RUNS), ...(FAST_CHECK_SEED && { seed: Number(FAST_CHECK_SEED) }) };
const TIMEOUT = Math.max(60_000, Number(FAST_CHECK_RUNS) * 200);

const seed = Buffer.from(
  JSON.stringify(payload({ sessionId: 'mutated', extractedData: { holder: 'Zoë 😀', list: [1.5, [null, true]] } })),
);
const anyMutation = record<Mutation>({
  kind: constantFrom(...mutations),
  at: nat(seed.length),
  length: nat(40),
  bytes: uint8Array({ minLength: 1, maxLength: 8 }),
});
const anyString = string({ unit: 'binary', maxLength: 20 });
const anyValue = oneof(jsonValue({ maxDepth: 4, stringUnit: 'binary' }), anyString);

describe('mutated payloads, to the same app on every database and platform', () => {
  let every: EveryHost;

  beforeAll(async () => {
    every = await EveryHost.start((builder) => builder.withRawBody());
  });

  afterAll(() => every?.stop());

  it(
    'are answered 200 or 400 and stored the same when bytes are mutated',
    async () => {
      const met = new Set<string>();
      await assert(
        asyncProperty(array(anyMutation, { minLength: 1, maxLength: 4 }), async (changes) => {
          met.add(await answerTo(mutate(seed, changes)));
        }),
        settings,
      );
      expect([...met]).toEqual(expect.arrayContaining(['200', '400']));
    },
    TIMEOUT,
  );

  it(
    'are answered 200 or 400 and stored as sent with any value in any field',
    async () => {
      const changed: string[] = [];
      const anyFields = array(tuple(constantFrom(...Object.keys(payload()), 'other'), anyValue), { maxLength: 3 });
      await assert(
        asyncProperty(anyFields, async (fields) => {
          const body = payload(Object.fromEntries(fields));
          const text = JSON.stringify(body, null, 1);
          const status = await answerTo(Buffer.from(text));
          if (status !== '200' || !['COMPLETED', 'ERROR'].includes(String(body.status))) return;
          for (const { app } of every.hosts) {
            const delivery = await app.inbox.find({ sessionId: String(body.sessionId) });
            if (delivery?.duplicates === 0 && delivery.rawBody !== text) changed.push(text);
          }
        }),
        settings,
      );
      expect(changed).toEqual([]);
    },
    TIMEOUT,
  );

  /** The status that every host has answered, once all have kept the same. */
  async function answerTo(content: Buffer): Promise<string> {
    const { statuses, disagreements } = await every.compare([{ name: content.toString(), content }]);
    expect(disagreements).toEqual([]);
    const [status = ''] = Object.keys(statuses);
    expect(['200', '400']).toContain(status);
    const kept = await Promise.all(
      every.hosts.map(async ({ app }) => {
        const [delivery, [rejection]] = await Promise.all([
          app.inbox.list({ limit: 1 }).then(([newest]) => app.inbox.find(newest?.id ?? '')),
          app.rejections({ limit: 1 }),
        ]);
        return [delivery?.rawBody, delivery?.duplicates, rejection?.reason, rejection?.rawBody, rejection?.repeats];
      }),
    );
    for (const one of kept) expect(one).toEqual(kept[0]);
    return status;
  }
});
