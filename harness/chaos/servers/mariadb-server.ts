import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { unprivileged, type Account } from './account.js';
import { binary } from './binaries.js';
import { freePort } from '../../../test/support/network/free-port.js';
import { PrivateServer, temporaryFolder } from './private-server.js';

const REMEDY = 'Install MariaDB (Debian: mariadb-server), or put its programs on PATH.';

/** Without READ_ONLY ADMIN, which would let the user write to a read-only server. */
const RIGHTS = 'SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, TRIGGER';

export class MariadbServer extends PrivateServer {
  readonly kind = 'mariadb';
  protected readonly shutdownSignal = 'SIGTERM';
  readonly url: string;
  readonly administratorUrl: string;

  private constructor(folder: string, account: Account, port: number) {
    super(folder, account, port);
    this.url = `mariadb://app@127.0.0.1:${port}/test`;
    this.administratorUrl = `mariadb://root@127.0.0.1:${port}/test`;
  }

  static async launch(): Promise<MariadbServer> {
    const account = unprivileged('mysql');
    const server = new MariadbServer(temporaryFolder(account), account, await freePort());
    const settings = ['--no-defaults', '--auth-root-authentication-method=normal'];
    execFileSync(binary('mariadb-install-db', REMEDY), [...settings, `--datadir=${server.data}`], {
      ...account,
      cwd: server.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await server.initialize(`CREATE USER app@127.0.0.1`, `GRANT ${RIGHTS} ON *.* TO app@127.0.0.1`);
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
      '--bind-address=127.0.0.1',
      `--socket=${join(this.folder, 'socket')}`,
      `--pid-file=${join(this.folder, 'pid')}`,
      '--innodb-flush-log-at-trx-commit=1',
      '--innodb-buffer-pool-size=64M',
      '--skip-name-resolve',
    ];
    return [binary('mariadbd', REMEDY), '--no-defaults', ...settings];
  }
}
