import { readdir, readFile } from 'node:fs/promises';
import type { DataSource } from 'typeorm';

/** Ticks of the processor's clock in a second, as Linux counts for programs. */
const TICKS_PER_SECOND = 100;

/** What PostgreSQL does for one delivery. */
export interface ServerShare {
  /** Microseconds on its processor, all of its processes together; null where it is on another machine. */
  readonly cpu: number | null;
  /** Bytes of its write-ahead log. */
  readonly wal: number;
  /** Versions of rows that are dead afterwards. */
  readonly dead: number;
  /** Bytes of its tables with their indexes. */
  readonly size: number;
}

interface Usage {
  readonly ticks: number | null;
  readonly wal: number;
}

/** Measures the share of the database, from now until it is asked. PostgreSQL only. */
export class ServerWatch {
  private constructor(
    private readonly connection: DataSource,
    private readonly before: Usage,
  ) {}

  static async begin(connection: DataSource): Promise<ServerWatch> {
    return new ServerWatch(connection, await usage(connection));
  }

  /** @param deliveries acknowledged since it began */
  async end(deliveries: number): Promise<Pick<ServerShare, 'cpu' | 'wal'>> {
    const { ticks, wal } = await usage(this.connection);
    const spent = ticks === null || this.before.ticks === null ? null : ticks - this.before.ticks;
    return {
      cpu: spent === null ? null : ((spent / TICKS_PER_SECOND) * 1_000_000) / deliveries,
      wal: (wal - this.before.wal) / deliveries,
    };
  }
}

/** Looks at the tables of one database, once all is quiet. */
export async function tablesShare(connection: DataSource, stored: number): Promise<Pick<ServerShare, 'dead' | 'size'>> {
  const [row] = await connection.query<Record<'dead' | 'size', string>[]>(`
    SELECT coalesce(sum(pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid)), 0) AS dead,
           coalesce(sum(pg_total_relation_size(oid)), 0) AS size
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'migrations'`);
  return { dead: Number(row?.dead) / stored, size: Number(row?.size) / stored };
}

async function usage(connection: DataSource): Promise<Usage> {
  const [row] = await connection.query<{ wal: string }[]>(`SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS wal`);
  return { ticks: await ticksOf('postgres'), wal: Number(row?.wal) };
}

/** Returns the ticks of all processes of a name; null if there are none on this machine. */
async function ticksOf(name: string): Promise<number | null> {
  const pids = (await readdir('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry));
  const all = await Promise.all(pids.map((pid) => ticksOfProcess(pid, name)));
  const known = all.filter((ticks) => ticks !== undefined);
  return known.length === 0 ? null : known.reduce((sum, ticks) => sum + ticks, 0);
}

async function ticksOfProcess(pid: string, name: string): Promise<number | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const end = stat.lastIndexOf(')');
    if (stat.slice(stat.indexOf('(') + 1, end) !== name) return undefined;
    const fields = stat.slice(end + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]); // user and system
  } catch {
    return undefined; // it has ended
  }
}
