import type { Dialect } from './dialects.js';
import { HANDLERS, TENANTS } from './names.js';

/** Time over which the deliveries were received, in milliseconds. */
const SPAN_MS = 20 * 86_400_000;
const HOUR_MS = 3_600_000;

/** Of 1 000 deliveries, 10 are dead, 2 wait, one has no handler and one was discarded. The others are completed. */
const IS_DEAD = 'n % 100 = 50';
const IS_PENDING = 'n % 500 = 7';
const STATE = `CASE WHEN ${IS_DEAD} THEN 'dead' WHEN ${IS_PENDING} THEN 'pending' WHEN n % 1000 = 3 THEN 'unhandled'
  WHEN n % 1000 = 4 THEN 'discarded' ELSE 'completed' END`;
/** Twenty kinds of error: numbers would not tell them apart. */
const ERROR = `'LedgerError: the booking was refused as ' || substr('abcdefghijklmnopqrst',
  CAST((n % 2000 - n % 100) / 100 + 1 AS INTEGER), 1) || 'x: entry ' || n`;
const TENANT = `CASE n % 2 WHEN 0 THEN '${TENANTS[0]}' ELSE '${TENANTS[1]}' END`;
const STATUS = `CASE WHEN n % 20 = 1 THEN 'CANCELLED' WHEN n % 50 = 2 THEN 'ERROR' ELSE 'COMPLETED' END`;
const SESSION = `'session-' || n`;
const REFERENCE = `'user-' || (n % 1000000)`;
const BODY = `'{"sessionId":"session-' || n || '","status":"COMPLETED","platformId":1,"externalReferenceId":"user-' || (n % 1000000)
  || '","extractedData":{"accountHolder":"John Doe","accountType":"checking"},"proofHash":null,'
  || '"completedAt":"2025-03-24T12:05:00.000Z","metadata":{}}'`;
const INSTANCE_COLUMNS = `pid, version, app_version, receives, processes, started_at, heard_at, stopped_at, in_flight,
  concurrency, clock_offset, is_durable, handlers, secrets, settings`;

/** Writes the statements that fill the tables. */
export class RowsSql {
  readonly #spacing: number;

  constructor(
    private readonly dialect: Dialect,
    private readonly rows: number,
    private readonly now: number,
  ) {
    this.#spacing = Math.max(1, Math.floor(SPAN_MS / rows));
  }

  /** Deliveries of these numbers, with their states, runs and attempts. */
  deliveries(from: number, to: number): string[] {
    const { dialect } = this;
    const numbers = dialect.numbers(from, to);
    const received = `(${this.now} - (${this.rows} - n) * ${this.#spacing})`;
    const id = this.id(received, 'n');
    const due = `${this.now + HOUR_MS} + n`;
    const runs = (handler: string, state: string, next: string, error: string, condition: string) => `
      INSERT INTO cr3dentials_webhook_handler_run
        (delivery_id, handler, state, attempts, next_attempt_at, last_error, updated_at)
      SELECT ${id}, '${handler}', '${state}', 3, ${next}, ${error}, ${received} + 40 FROM ${numbers} WHERE ${condition}`;
    return [
      `INSERT INTO cr3dentials_webhook_delivery
         (id, idempotency_key, tenant, session_id, status, platform_id, external_reference_id, raw_body, fingerprint, received_at)
       SELECT ${id}, ${dialect.sessionKey(TENANT, SESSION)}, ${TENANT}, ${SESSION}, ${STATUS}, n % 5 + 1, ${REFERENCE},
         ${BODY}, ${dialect.hex('n', 64)}, ${received} FROM ${numbers}`,
      `INSERT INTO cr3dentials_webhook_delivery_state
         (delivery_id, state, reason, dispatches, next_attempt_at, finished_at)
       SELECT ${id}, ${STATE}, CASE WHEN ${IS_DEAD} THEN 'handler' END, 1, CASE WHEN ${IS_PENDING} THEN ${due} END,
         CASE WHEN ${IS_PENDING} THEN NULL ELSE ${received} + 40 END FROM ${numbers}`,
      runs(HANDLERS[0], 'dead', 'NULL', ERROR, IS_DEAD),
      runs(HANDLERS[1], 'completed', 'NULL', 'NULL', IS_DEAD),
      runs(HANDLERS[0], 'pending', due, ERROR, IS_PENDING),
      ...[1, 2, 3].map((attempt) => this.attempts(attempt, numbers, received)),
    ];
  }

  /** One rejection for each 50 deliveries, two of seven open. */
  rejections(count: number): string {
    const received = `(${this.now} - (${count} - n) * ${this.#spacing * 50})`;
    const reasons = ['invalid', 'unknown-status', 'unexpected-data', 'stale', 'conflict'];
    const reason = `CASE n % 5 ${reasons.map((name, index) => `WHEN ${index} THEN '${name}'`).join(' ')} END`;
    return `INSERT INTO cr3dentials_webhook_rejection
        (id, fingerprint, reason, detail, raw_body, tenant, session_id, repeats, state, first_received_at,
         last_received_at, session_key)
      SELECT ${this.id(received, 'n')}, ${this.dialect.hex('n', 64)}, ${reason}, 'completedAt must be a date', ${BODY},
        ${TENANT}, ${SESSION}, n % 3,
        CASE WHEN n % 7 < 2 THEN 'open' WHEN n % 7 = 2 THEN 'accepted' ELSE 'discarded' END,
        ${received}, ${received} + 60000, ${this.dialect.sessionKey(TENANT, SESSION)}
      FROM ${this.dialect.numbers(1, count)}`;
  }

  /** One act for each 50 deliveries: half of them by hand. */
  actions(count: number): string {
    const acted = `(${this.now} - (${count} - n) * ${this.#spacing * 50})`;
    return `INSERT INTO cr3dentials_webhook_action
        (id, acted_at, operator, source, action, target_id, tenant, reason, bulk_id)
      SELECT ${this.id(acted, 'n')}, ${acted}, CASE n % 2 WHEN 0 THEN 'ada' ELSE 'ben' END, 'page',
        CASE n % 3 WHEN 0 THEN 'discard' ELSE 'replay' END, ${this.id(acted, 'n + 1')}, ${TENANT}, 'as agreed',
        CASE n % 2 WHEN 0 THEN ${this.id(String(this.now), 'n % 60 + 1')} END
      FROM ${this.dialect.numbers(1, count)}`;
  }

  bulks(count: number): string {
    const at = `(${this.now} - (${count} - n) * ${HOUR_MS})`;
    return `INSERT INTO cr3dentials_webhook_bulk
        (id, action, state, selection, as_of, cursor_id, locked_ids, expected, done, skipped, dead_again, rate, pause_at,
         judged_from, operator, source, lease_expires_at, started_at, judged_since, updated_at, ended_at)
      SELECT ${this.id(at, 'n')}, 'replay', 'completed', '{"state":"dead"}', ${at}, '', '[]', 1000, 990, 10, 5, 20, 0.2,
        0, 'ada', 'page', 0, ${at}, ${at}, ${at} + 60000, ${at} + 60000
      FROM ${this.dialect.numbers(1, count)}`;
  }

  /** Counts of one instance and subject, for so many minutes or hours until now. */
  tallies(width: 60 | 3_600, count: number, subject: string, instance: string): string {
    const bucketMs = width * 1_000;
    const first = Math.floor(this.now / bucketMs) * bucketMs - count * bucketMs;
    const counts = `{"counts":{"accepted":820,"duplicate":12,"completed":801,"completedAfterRetry":9,"failed":11,"dead":2},
      "latency":{"5":40,"6":180,"7":300,"8":190,"9":60,"10":20,"12":8,"15":3},"oldestDue":120}`;
    return `INSERT INTO cr3dentials_webhook_tally (width, bucket, subject, instance, counts)
      SELECT ${width}, ${first} + n * ${bucketMs}, '${subject}', '${instance}', '${counts}'
      FROM ${this.dialect.numbers(1, count)}`;
  }

  /** Two instances like the one that runs, as other machines would write them, in place of those of an earlier run. */
  otherInstances(): string[] {
    const [hosts, columns] = [['web-1', 'web-2'], INSTANCE_COLUMNS];
    const others = INSTANCES.slice(1).map((id) => `'${id}'`);
    const isRunning = `id NOT IN (${others.join(', ')}) ORDER BY started_at DESC LIMIT 1`;
    return [
      `DELETE FROM cr3dentials_webhook_instance WHERE id IN (${others.join(', ')})`,
      ...others.map(
        (id, index) => `INSERT INTO cr3dentials_webhook_instance (id, host, ${columns})
          SELECT ${id}, '${hosts[index]}', ${columns} FROM cr3dentials_webhook_instance WHERE ${isRunning}`,
      ),
    ];
  }

  private attempts(attempt: number, numbers: string, received: string): string {
    const ended = `${received} + ${attempt * 10}`;
    return `INSERT INTO cr3dentials_webhook_attempt
        (id, delivery_id, handler, attempt, outcome, started_at, ended_at, error, instance)
      SELECT ${this.id(ended, `n * 4 + ${attempt}`)}, ${this.id(received, 'n')}, '${HANDLERS[0]}', ${attempt}, 'failed',
        ${ended} - 5, ${ended}, ${ERROR}, '${INSTANCES[0]}' FROM ${numbers} WHERE ${IS_DEAD} OR ${IS_PENDING}`;
  }

  /** A UUIDv7 of a time and a number. */
  private id(milliseconds: string, number: string): string {
    const time = this.dialect.hex(milliseconds, 12);
    return `substr(${time}, 1, 8) || '-' || substr(${time}, 9, 4) || '-7000-8000-' || ${this.dialect.hex(`(${number})`, 12)}`;
  }
}

export const INSTANCES = [1, 2, 3].map((number) => `00000000-0000-7000-8000-00000000000${number}`);
