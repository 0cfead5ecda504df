import type { DataSourceOptions } from 'typeorm';
import type { DatabaseKind } from '../../support/database/databases.js';
import { TcpProxy } from '../../support/network/tcp-proxy.js';
import { sharedGround, type Ground } from '../ground.js';

/** A database on the tests' server, which the hosts reach through a proxy. */
export class ProxiedGround implements Ground {
  readonly kind: DatabaseKind;
  readonly options: DataSourceOptions;
  readonly direct: DataSourceOptions;

  private constructor(
    private readonly shared: Ground,
    readonly proxy: TcpProxy,
  ) {
    this.kind = shared.kind;
    this.direct = shared.direct;
    this.options = { ...shared.options, url: proxy.url } as DataSourceOptions;
  }

  static async open(kind: DatabaseKind): Promise<ProxiedGround> {
    const shared = await sharedGround(kind);
    return new ProxiedGround(shared, await TcpProxy.to((shared.options as { url?: string }).url));
  }

  /** @throws Error where the hosts reach their database directly */
  static of(ground: Ground): ProxiedGround {
    if (ground instanceof ProxiedGround) return ground;
    throw new Error('This fault is for a database behind a proxy.');
  }

  async close(): Promise<void> {
    await this.proxy.refuse();
    await this.shared.close();
  }
}
