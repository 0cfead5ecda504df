import { execFileSync } from 'node:child_process';
import { unprivileged, type Account } from './account.js';
import { binary } from './binaries.js';
import { freePort } from '../../../test/support/network/free-port.js';
import { PrivateServer, temporaryFolder } from './private-server.js';

const REMEDY = 'Install PostgreSQL (Debian: postgresql), or put its programs on PATH.';

export class PostgresServer extends PrivateServer {
  readonly kind = 'postgres';
  protected readonly shutdownSignal = 'SIGINT'; // "fast": with SIGTERM it would wait for its clients to leave
  readonly url: string;
  readonly administratorUrl: string;

  private constructor(folder: string, account: Account, port: number) {
    super(folder, account, port);
    this.url = `postgres://app@127.0.0.1:${port}/postgres`;
    this.administratorUrl = `postgres://postgres@127.0.0.1:${port}/postgres`;
  }

  static async launch(): Promise<PostgresServer> {
    const account = unprivileged('postgres');
    const server = new PostgresServer(temporaryFolder(account), account, await freePort());
    const settings = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
    execFileSync(binary('initdb', REMEDY), ['-D', server.data, ...settings], {
      ...account,
      cwd: server.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await server.initialize(
      'CREATE ROLE app LOGIN SUPERUSER',
      'ALTER ROLE postgres SET default_transaction_read_only = off',
    );
    return server;
  }

  /** Stops it with "immediate": nothing is flushed, and the next start recovers from the log. */
  stopImmediately(): Promise<void> {
    return this.end((server) => server.end('SIGQUIT'));
  }

  async terminateConnections(): Promise<void> {
    await this.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`);
  }

  /** Binds everyone but the administrator, from the next statement on. */
  async setReadOnly(isReadOnly: boolean): Promise<void> {
    await this.query(`ALTER SYSTEM SET default_transaction_read_only = ${isReadOnly ? 'on' : 'off'}`);
    await this.query('SELECT pg_reload_conf()');
  }

  protected command(): [string, ...string[]] {
    const settings = {
      port: this.port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'on',
      max_connections: 200,
      shared_buffers: '32MB',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return [binary('postgres', REMEDY), '-D', this.data, ...flags];
  }
}
