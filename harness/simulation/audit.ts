import type { DatabaseUnderTest } from './databases/database-under-test.js';

/** A delivery at rest. */
export interface StoredDelivery {
  readonly id: string;
  readonly session: string;
  readonly content: string;
  readonly state: string;
  readonly reason: string | null;
  readonly isLeased: boolean;
}

export interface StoredRun {
  readonly deliveryId: string;
  readonly handler: string;
  readonly state: string;
  readonly attempts: number;
}

export interface StoredEffect {
  readonly session: string;
  readonly handler: string;
  readonly content: string;
  readonly part: string;
}

export interface FinalState {
  readonly deliveries: readonly StoredDelivery[];
  readonly runs: readonly StoredRun[];
  /** `session content` of each rejection. */
  readonly rejected: ReadonlySet<string>;
  readonly effects: readonly StoredEffect[];
}

// The only SQL of this harness that knows the tables of the module.
const JOINED = 'cr3dentials_webhook_delivery d JOIN cr3dentials_webhook_delivery_state s ON s.delivery_id = d.id';
const DELIVERIES = `SELECT id, session_id AS session, external_reference_id AS content, state, reason,
  claim_id IS NOT NULL AS leased FROM ${JOINED} ORDER BY id`;
const RUNS = `SELECT delivery_id AS delivery, handler, state, attempts FROM cr3dentials_webhook_handler_run ORDER BY 1, 2`;
const REJECTIONS = 'SELECT id, raw_body AS body, state, reason FROM cr3dentials_webhook_rejection ORDER BY id';
const UNFINISHED = `SELECT id, session_id AS session FROM ${JOINED} WHERE state IN ('pending', 'processing')`;
const EFFECTS = 'SELECT session, handler, content, part FROM effect';

/** Reads what is committed, beside the module. */
export class Audit {
  constructor(private readonly database: DatabaseUnderTest) {}

  /** Complains if neither a delivery nor a rejection has this content. */
  async assertStored(session: string, content: string, complain: (rule: string) => void): Promise<void> {
    const { deliveries, rejected } = await this.state();
    const isDelivery = deliveries.some((delivery) => delivery.session === session && delivery.content === content);
    if (!isDelivery && !rejected.has(`${session} ${content}`)) complain(`${session} ${content} is not stored`);
  }

  /** Deliveries that are not at their end. */
  async unfinished(): Promise<{ id: string; session: string }[]> {
    return (await this.database.read(UNFINISHED)).map(({ id, session }) => ({
      id: String(id),
      session: String(session),
    }));
  }

  async rejections(): Promise<{ id: string; session: string }[]> {
    return (await this.database.read(REJECTIONS))
      .filter(({ state, reason }) => state !== 'accepted' && reason !== 'superseded')
      .map(({ id, body }) => ({ id: String(id), session: parse(body).sessionId }));
  }

  async state(): Promise<FinalState> {
    return {
      deliveries: (await this.database.read(DELIVERIES)).map((row) => ({
        id: String(row.id),
        session: String(row.session),
        content: String(row.content),
        state: String(row.state),
        reason: row.reason === null ? null : String(row.reason),
        isLeased: Boolean(row.leased),
      })),
      runs: (await this.database.read(RUNS)).map((row) => ({
        deliveryId: String(row.delivery),
        handler: String(row.handler),
        state: String(row.state),
        attempts: Number(row.attempts),
      })),
      rejected: new Set((await this.database.read(REJECTIONS)).map(({ body }) => contentOf(body))),
      effects: (await this.database.read(EFFECTS)).map((row) => ({
        session: String(row.session),
        handler: String(row.handler),
        content: String(row.content),
        part: String(row.part),
      })),
    };
  }
}

function parse(body: unknown): { sessionId: string; externalReferenceId: string } {
  return JSON.parse(String(body)) as { sessionId: string; externalReferenceId: string };
}

function contentOf(body: unknown): string {
  const { sessionId, externalReferenceId } = parse(body);
  return `${sessionId} ${externalReferenceId}`;
}
