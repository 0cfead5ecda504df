import type { DataSourceOptions } from 'typeorm';
import type { DatabaseKind } from '../../../test/support/database/databases.js';
import { TcpProxy } from '../../../test/support/network/tcp-proxy.js';
import { openSharedDatabase, type DatabaseUnderTest } from '../database-under-test.js';

/** A database on the tests' server, which the hosts reach through a proxy. */
export class ProxiedDatabase implements DatabaseUnderTest {
  readonly kind: DatabaseKind;
  readonly options: DataSourceOptions;
  readonly directOptions: DataSourceOptions;

  private constructor(
    private readonly shared: DatabaseUnderTest,
    readonly proxy: TcpProxy,
  ) {
    this.kind = shared.kind;
    this.directOptions = shared.directOptions;
    this.options = { ...shared.options, url: proxy.url } as DataSourceOptions;
  }

  static async open(kind: DatabaseKind): Promise<ProxiedDatabase> {
    const shared = await openSharedDatabase(kind);
    return new ProxiedDatabase(shared, await TcpProxy.to((shared.options as { url?: string }).url));
  }

  /** @throws Error when the database is not behind a proxy */
  static of(database: DatabaseUnderTest): ProxiedDatabase {
    if (database instanceof ProxiedDatabase) return database;
    throw new Error('This fault needs a database behind a proxy.');
  }

  async close(): Promise<void> {
    await this.proxy.refuse();
    await this.shared.close();
  }
}
