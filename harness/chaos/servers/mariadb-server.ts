import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { unprivileged, type Account } from './account.js';
import { binary } from './binaries.js';
import { freePort } from '../../../test/support/network/free-port.js';
import { PrivateServer, temporaryFolder, type ServerSettings } from './private-server.js';

const REMEDY = 'Install MariaDB (Debian: mariadb-server), or put its programs on PATH.';

/** Without READ_ONLY ADMIN, which would let the user write to a read-only server. */
const RIGHTS = 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, TRIGGER';

/**
 * A machine that has vanished is noticed after some four seconds. Keepalive does not begin while an answer to the
 * machine is under way; MariaDB has no tcp_user_timeout, so its idle transactions have to be bounded, too.
 */
const VANISHED_PEERS = [
  '--tcp-keepalive-time=1',
  '--tcp-keepalive-interval=1',
  '--tcp-keepalive-probes=3',
  '--idle-transaction-timeout=4',
];

export class MariadbServer extends PrivateServer {
  readonly kind = 'mariadb';
  protected readonly shutdownSignal = 'SIGTERM';
  readonly url: string;
  readonly administratorUrl: string;

  private constructor(
    folder: string,
    account: Account,
    port: number,
    settings: ServerSettings,
    private readonly more: readonly string[],
  ) {
    super(folder, account, port, settings);
    this.url = `mariadb://app@127.0.0.1:${port}/test`;
    this.administratorUrl = `mariadb://root@127.0.0.1:${port}/test`;
  }

  /** @param more settings beside the usual ones */
  static async launch(settings: ServerSettings = {}, ...more: string[]): Promise<MariadbServer> {
    const account = unprivileged('mysql');
    const server = new MariadbServer(temporaryFolder(account), account, await freePort(), settings, more);
    const flags = ['--no-defaults', '--auth-root-authentication-method=normal'];
    execFileSync(binary('mariadb-install-db', REMEDY), [...flags, `--datadir=${server.data}`], {
      ...account,
      cwd: server.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const users = ['127.0.0.1', ...(settings.network ? [settings.network.addresses.pattern] : [])].map(
      (from) => `app@'${from}'`,
    );
    await server.initialize(...users.flatMap((user) => [`CREATE USER ${user}`, `GRANT ${RIGHTS} ON *.* TO ${user}`]));
    return server;
  }

  async terminateConnections(): Promise<void> {
    await this.query('KILL HARD CONNECTION USER app');
  }

  /** Binds the application's user, not the administrator. */
  async setReadOnly(isReadOnly: boolean): Promise<void> {
    await this.query(`SET GLOBAL read_only = ${isReadOnly ? 1 : 0}`);
  }

  protected command(): [string, ...string[]] {
    const settings = [
      `--datadir=${this.data}`,
      `--port=${this.port}`,
      `--bind-address=${this.addresses}`,
      `--socket=${join(this.folder, 'socket')}`,
      `--pid-file=${join(this.folder, 'pid')}`,
      '--innodb-flush-log-at-trx-commit=1',
      '--innodb-buffer-pool-size=64M',
      '--skip-name-resolve',
      ...(this.settings.network ? VANISHED_PEERS : []),
      ...this.more,
    ];
    return [binary('mariadbd', REMEDY), '--no-defaults', ...settings];
  }
}
