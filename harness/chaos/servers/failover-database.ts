import type { DataSourceOptions } from 'typeorm';
import { TcpProxy } from '../../../test/support/network/tcp-proxy.js';
import { registerCleanup } from '../cleanup.js';
import { prepareSchema, type DatabaseUnderTest } from '../database-under-test.js';
import { PostgresServer } from './postgres-server.js';
import { withDatabase } from './private-server-database.js';

/** A database on a PostgreSQL primary, which the hosts reach through a proxy that knows who the primary is. */
export class FailoverDatabase implements DatabaseUnderTest {
  readonly kind = 'postgres';
  #standby: PostgresServer | undefined;
  /** Was the primary; its connections stay silent for as long as it is frozen. */
  #former: PostgresServer | undefined;

  private constructor(
    private primary: PostgresServer,
    private readonly proxy: TcpProxy,
  ) {}

  static async open(): Promise<FailoverDatabase> {
    const primary = await PostgresServer.launch();
    const database = new FailoverDatabase(primary, await TcpProxy.to(primary.url));
    registerCleanup(() => database.close());
    await prepareSchema(database);
    return database;
  }

  /** @throws Error when the database has no standby */
  static of(database: DatabaseUnderTest): FailoverDatabase {
    if (database instanceof FailoverDatabase) return database;
    throw new Error('This fault needs a primary with a standby.');
  }

  get options(): DataSourceOptions {
    return { type: 'postgres', url: withDatabase(this.proxy.url, 'postgres') };
  }

  get directOptions(): DataSourceOptions {
    return { type: 'postgres', url: withDatabase(this.primary.administratorUrl, 'postgres') };
  }

  /** Adds a standby, for which every commit then waits. */
  async addStandby(): Promise<void> {
    await this.#former?.remove();
    this.#former = undefined;
    this.#standby = await PostgresServer.standbyOf(this.primary);
    await this.primary.demandStandby();
  }

  /**
   * Ends the primary, or lets it fall silent with its connections, and promotes the standby.
   *
   * @returns the moment the new primary took connections
   */
  async failOver(how: 'killed' | 'silent'): Promise<number> {
    const [before, standby] = [this.primary, this.#standby];
    if (!standby) throw new Error('There is no standby.');
    if (how === 'killed') await before.kill();
    else {
      before.freeze();
      this.proxy.silence();
    }
    if (how === 'killed') await this.proxy.refuse();
    await standby.promote();
    this.proxy.redirect(standby.url);
    if (how === 'killed') await this.proxy.accept();
    this.primary = standby;
    this.#standby = undefined;
    this.#former = before;
    return performance.now();
  }

  async close(): Promise<void> {
    await this.proxy.refuse();
    await this.#former?.remove();
    await this.#standby?.remove();
    await this.primary.remove();
  }
}
