import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createHash, randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { cr3dentialsWebhookEntities, cr3dentialsWebhookMigrations } from '../../../dist/index.js';
import { SECRET } from '../load/delivery.js';
import { Handled, serveHttp, setting } from './contender.js';

/**
 * The bare limit: Node's own HTTP and the driver, nothing else. It writes the rows that this module writes: one insert
 * for what arrives together, with one commit, and one update for what was handled within 10 ms. It checks the secret and
 * parses the body, and neither validates, nor retries, nor finds anything again after a crash.
 */

interface Received {
  readonly body: string;
  readonly response: ServerResponse;
}

const FLUSHES = 2;
const ROWS = 200;
const COMPLETION_WINDOW_MS = 10;
const ANSWER = '{"received":true}';

const INSERT = `
  WITH recorded AS (
    INSERT INTO cr3dentials_webhook_delivery
      (id, idempotency_key, tenant, session_id, status, platform_id, external_reference_id, raw_body, fingerprint, received_at)
    SELECT id, idempotency_key, tenant, session_id, status, platform_id, external_reference_id, raw_body, fingerprint, received_at
    FROM json_populate_recordset(NULL::cr3dentials_webhook_delivery, $1)
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING id
  )
  INSERT INTO cr3dentials_webhook_delivery_state (delivery_id, state, dispatches, claim_id, lease_expires_at, duplicates)
  SELECT id, 'processing', 1, $2, $3::bigint, 0 FROM recorded RETURNING delivery_id`;
const COMPLETE = `
  UPDATE cr3dentials_webhook_delivery_state
  SET state = 'completed', finished_at = $1, rescues = 0, claim_id = NULL, lease_expires_at = NULL
  WHERE claim_id = $2 AND delivery_id = ANY ($3) AND state = 'processing'`;

const { database } = setting();
await migrate(database);
const pool = new Pool({ connectionString: (database as { url?: string }).url, max: 4 });
const handled = new Handled();
const claim = `${randomUUID()}:1`;
let waiting: Received[] = [];
let completed: string[] = [];
let flushes = 0;
let isScheduled = false;

const server = createServer((request, response) => {
  if (request.headers['x-api-key'] !== SECRET) return void response.writeHead(401).end();
  collect(request, (body) => {
    waiting.push({ body, response });
    schedule();
  });
});
await serveHttp(server, handled);

function collect(request: IncomingMessage, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => done(Buffer.concat(chunks).toString()));
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    while (flushes < FLUSHES && waiting.length > 0) void flush(waiting.splice(0, ROWS));
  });
}

async function flush(batch: Received[]): Promise<void> {
  flushes++;
  const rows = batch
    .map(({ body }) => rowOf(body))
    .toSorted((a, b) => (a.idempotency_key < b.idempotency_key ? -1 : 1));
  const { rows: recorded } = await pool.query<{ delivery_id: string }>(INSERT, [
    JSON.stringify(rows),
    claim,
    Date.now() + 30_000,
  ]);
  for (const { response } of batch)
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': ANSWER.length }).end(ANSWER);
  flushes--;
  schedule();
  for (const { delivery_id: id } of recorded) {
    handled.handle();
    if (completed.push(id) === 1) setTimeout(() => void complete(), COMPLETION_WINDOW_MS);
  }
}

async function complete(): Promise<void> {
  const ids = completed;
  completed = [];
  await pool.query(COMPLETE, [Date.now(), claim, ids]);
}

function rowOf(raw: string) {
  const payload = JSON.parse(raw) as Record<string, unknown>;
  return {
    id: randomUUID(),
    idempotency_key: sha256(`\0${String(payload.sessionId)}`),
    tenant: '',
    session_id: payload.sessionId,
    status: payload.status,
    platform_id: payload.platformId,
    external_reference_id: payload.externalReferenceId,
    raw_body: raw,
    fingerprint: sha256(raw),
    received_at: Date.now(),
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function migrate(options: DataSourceOptions): Promise<void> {
  const source = new DataSource({
    ...options,
    entities: [...cr3dentialsWebhookEntities],
    migrations: [...cr3dentialsWebhookMigrations],
    migrationsRun: true,
  });
  await source.initialize();
  await source.destroy();
}
