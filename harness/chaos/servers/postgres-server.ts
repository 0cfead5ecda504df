import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unprivileged, type Account } from './account.js';
import { binary } from './binaries.js';
import { until } from '../../../test/support/time/until.js';
import { freePort } from '../../../test/support/network/free-port.js';
import { PrivateServer, temporaryFolder, type ServerSettings } from './private-server.js';

const REMEDY = 'Install PostgreSQL (Debian: postgresql), or put its programs on PATH.';

/** A machine that has vanished is noticed after some four seconds. */
const VANISHED_PEERS = {
  tcp_keepalives_idle: 1,
  tcp_keepalives_interval: 1,
  tcp_keepalives_count: 3,
  tcp_user_timeout: 4_000,
};

export class PostgresServer extends PrivateServer {
  readonly kind = 'postgres';
  protected readonly shutdownSignal = 'SIGINT'; // "fast": with SIGTERM it would wait for its clients to leave
  readonly url: string;
  readonly administratorUrl: string;

  private constructor(
    folder: string,
    account: Account,
    port: number,
    settings: ServerSettings,
    private readonly more: readonly string[] = [],
  ) {
    super(folder, account, port, settings);
    this.url = `postgres://app@127.0.0.1:${port}/postgres`;
    this.administratorUrl = `postgres://postgres@127.0.0.1:${port}/postgres`;
  }

  /** @param more settings beside the usual ones: `name=value` */
  static async launch(settings: ServerSettings = {}, ...more: string[]): Promise<PostgresServer> {
    const account = unprivileged('postgres');
    const server = new PostgresServer(temporaryFolder(account), account, await freePort(), settings, more);
    const flags = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
    execFileSync(binary('initdb', REMEDY), ['-D', server.data, ...flags], {
      ...account,
      cwd: server.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (settings.network)
      appendFileSync(join(server.data, 'pg_hba.conf'), `host all all ${settings.network.addresses.mask} trust\n`);
    await server.initialize(
      'CREATE ROLE app LOGIN SUPERUSER',
      'ALTER ROLE postgres SET default_transaction_read_only = off',
    );
    return server;
  }

  /** Copies a running server, and starts the copy as its standby, without making commits wait for it. */
  static async standbyOf(primary: PostgresServer): Promise<PostgresServer> {
    const account = unprivileged('postgres');
    const standby = new PostgresServer(temporaryFolder(account), account, await freePort(), {});
    const source = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres'];
    const flags = ['-D', standby.data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync'];
    const how = { ...account, cwd: standby.folder };
    await promisify(execFile)(binary('pg_basebackup', REMEDY), [...source, ...flags], how);
    await standby.initialize();
    return standby;
  }

  /** Makes every commit wait until the standby has it on its disk; resolves when that is so. */
  async demandStandby(): Promise<void> {
    await this.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await this.query('SELECT pg_reload_conf()');
    await until('the standby is synchronous', async () => {
      const found = await this.query(
        `SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'`,
      );
      return found.length > 0;
    });
  }

  /** Makes a primary of a standby. */
  async promote(): Promise<void> {
    await this.query('SELECT pg_promote(true, 20)');
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
      listen_addresses: this.addresses,
      unix_socket_directories: '',
      fsync: 'on',
      max_connections: 200,
      shared_buffers: '32MB',
      ...(this.settings.network && VANISHED_PEERS),
    };
    const named = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
    const flags = [...named, ...this.more].flatMap((setting) => ['-c', setting]);
    return [binary('postgres', REMEDY), '-D', this.data, ...flags];
  }
}
