import type { EntityManager } from 'typeorm';
import { PermanentError, RetryAfterError } from '../../../src/processing/handlers/handler.errors.js';
import type { HandlerContext } from '../../../src/processing/handlers/handler.context.js';
import type { VerificationEvent } from '../../../src/processing/handlers/verification.event.js';
import type { VerificationHandler } from '../../../src/processing/handlers/verification-handler.js';
import type { History } from './history.js';
import type { Instance } from './instance.js';
import { isTransactional, type HandlerId } from './handler-ids.js';
import type { Behaviour } from './scripts.js';
import type { World } from './world.js';

/** Facts that a call of a handler knows. */
interface Call {
  readonly id: HandlerId;
  readonly session: string;
  readonly content: string;
  readonly context: HandlerContext;
  readonly instance: Instance;
}

/** A connection of the driver of PostgreSQL, or of SQLite. */
interface DriverConnection {
  query?(text: string): Promise<unknown>;
  exec?(text: string): unknown;
}

/** The handlers of an instance. What each call does is written in the script of its session. */
export class ScriptedHandlers {
  /** Calls that have not ended, by process. */
  readonly #alive = new WeakMap<object, Set<string>>();
  /** Calls that have neither ended nor been aborted, by process. */
  readonly #inTime = new WeakMap<object, Set<Call>>();

  constructor(
    private readonly world: World,
    private readonly history: History,
  ) {}

  of(ids: readonly HandlerId[], instance: () => Instance): VerificationHandler[] {
    return ids.map((id): VerificationHandler => ({
      id,
      transactional: isTransactional(id),
      statuses: new Set(['COMPLETED'] as const),
      settings: this.world.settings.limits,
      handle: (event, context) => this.#handle(id, event, context, instance()),
    }));
  }

  async #handle(id: HandlerId, event: VerificationEvent, context: HandlerContext, instance: Instance): Promise<void> {
    const { sessionId: session, externalReferenceId } = event;
    const behaviour = this.history.scripts.next(session, id, this.world.isCalm);
    this.world.trace(`handler ${id} of ${session} ${externalReferenceId}: ${behaviour}`, instance.process);
    if (instance.isStopping) this.world.violate('a handler began after the shutdown had');
    const call = { id, session, content: externalReferenceId ?? '', context, instance };
    const alive = this.#aliveOf(instance.process);
    const run = `${id} ${session}`;
    if (alive.has(run)) this.world.violate('a handler was called twice at once for one delivery in one process');
    alive.add(run);
    this.history.begun(session, id, call.content);
    const end = this.#beginInTime(call);
    await this.#behave(behaviour, call).finally(() => {
      alive.delete(run);
      end();
    });
    this.world.trace(`handler ${id} of ${session} returns`, instance.process);
    this.history.returned(session, id, call.content);
  }

  /** Returns what is to be called at the end. */
  #beginInTime(call: Call): () => void {
    const { limits } = this.world.settings;
    const { process } = call.instance;
    const inTime = this.#inTime.get(process) ?? new Set();
    this.#inTime.set(process, inTime);
    inTime.add(call);
    const end = () => void inTime.delete(call);
    call.context.signal.addEventListener('abort', end, { once: true });
    const ofHandler = [...inTime].filter(({ id }) => id === call.id).length;
    if (ofHandler > (limits?.concurrency ?? Infinity)) this.world.violate(`${ofHandler} calls of ${call.id} at once`);
    return end;
  }

  #aliveOf(process: object): Set<string> {
    const alive = this.#alive.get(process) ?? new Set();
    this.#alive.set(process, alive);
    return alive;
  }

  async #behave(behaviour: Behaviour, call: Call): Promise<void> {
    const { context } = call;
    switch (behaviour) {
      case 'succeed':
        return this.#write(call);
      case 'take-time':
        await sleep(this.world.random.whole(1, 900));
        return this.#write(call);
      case 'nest':
        return this.#writeNested(call, 0);
      case 'hang-nested':
        return this.#writeNested(call, 20_000);
      case 'fail':
      case 'fail-always':
        throw new Error('as written');
      case 'fail-after-writing':
        await this.#write(call);
        throw new Error('as written, after writing');
      case 'fail-for-good':
        throw new PermanentError('as written');
      case 'ask-for-time':
        throw new RetryAfterError(300);
      case 'hang':
        return new Promise((_, reject) =>
          context.signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
        );
      case 'hang-deaf':
        return this.#hangDeaf(call);
      case 'swallow':
        return this.#swallow(call);
      case 'roll-back':
        return this.#rollBack(call);
      case 'kill':
        this.world.kill(call.instance.process);
        return new Promise(() => {});
      default:
        return behaviour satisfies never;
    }
  }

  /** Writes the two parts that belong together. */
  async #write(call: Call): Promise<void> {
    if (!isTransactional(call.id)) return;
    const { manager } = call.context;
    await this.#insert(manager, call, 'debit');
    await this.#insert(manager, call, 'credit');
  }

  async #writeNested(call: Call, pause: number): Promise<void> {
    if (!isTransactional(call.id)) return sleep(pause);
    const { manager } = call.context;
    await this.#insert(manager, call, 'debit');
    await manager.transaction(async (nested) => {
      await this.#insert(nested, call, 'credit');
      await sleep(pause);
    });
  }

  /** Never returns in time, and writes late: into whatever its connection does by then. */
  async #hangDeaf(call: Call): Promise<void> {
    await this.#write(call);
    await sleep(30_000);
    if (isTransactional(call.id)) await this.#insert(call.context.manager, call, 'late');
  }

  /** Goes on after a statement that failed, in a transaction that cannot commit any more. */
  async #swallow(call: Call): Promise<void> {
    if (!isTransactional(call.id)) return;
    await this.#write(call);
    await call.context.manager.query('SELECT nothing FROM nowhere').catch(() => {});
  }

  /** Ends its transaction on the connection of the driver, which nobody guards. */
  async #rollBack(call: Call): Promise<void> {
    if (!isTransactional(call.id)) return;
    await this.#write(call);
    const connection = (await call.context.manager.queryRunner?.connect()) as DriverConnection;
    await (connection.query ?? connection.exec)?.call(connection, 'ROLLBACK');
  }

  async #insert(manager: EntityManager, { id, session, content }: Call, part: string): Promise<void> {
    const key = `e${this.history.nextEffect()}`;
    const values = [key, session, id, content, part];
    const places = manager.connection.options.type === 'postgres' ? '$1, $2, $3, $4, $5' : '?, ?, ?, ?, ?';
    await manager.query(`INSERT INTO effect (id, session, handler, content, part) VALUES (${places})`, values);
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
