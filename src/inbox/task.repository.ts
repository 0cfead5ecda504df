import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { sql } from '../database/sql.js';
import { isExpired } from './expired.lease.js';
import { Tables } from './tables.js';
import { newId } from '../new-id.js';

/** Work that one instance does at a time. */
export type TaskName = 'keys' | 'reseal' | 'retention' | 'sweep';

/** Right of one owner to work on a task. Names the owner. */
export interface TaskLease {
  readonly name: TaskName;
  readonly owner: string;
  /** Progress that the owner before has left; null at the beginning. */
  readonly progress: string | null;
}

/** Gives out tasks by leases, as deliveries are. */
@Injectable()
export class TaskRepository {
  constructor(
    private readonly connection: DatabaseConnection,
    private readonly tables: Tables,
    private readonly clock: Clock,
  ) {}

  /** Takes a task. Resolves to undefined while another owner has it. */
  async take(name: TaskName, leaseMs: number): Promise<TaskLease | undefined> {
    const { connection } = this;
    const { task } = this.tables;
    const owner = newId();
    await connection.execute(
      sql`${connection.dialect.insertInto(task)} (name, lease_expires_at) VALUES (${name}, 0)
          ${connection.dialect.onConflictDoNothing('name')}`,
    );
    const now = this.clock.now();
    const { affected } = await connection.execute(
      sql`UPDATE ${task} SET owner = ${owner}, lease_expires_at = ${now + leaseMs} WHERE name = ${name} AND ${isExpired(now, leaseMs)}`,
    );
    if (affected !== 1) return undefined;
    const { records } = await connection.execute(sql`SELECT progress FROM ${task} WHERE name = ${name}`);
    return { name, owner, progress: (records[0]?.progress as string | null | undefined) ?? null };
  }

  /** Renews a lease and saves how far the work is. Resolves to false if another owner has the task. */
  async renew({ name, owner }: TaskLease, leaseMs: number, progress: string | null): Promise<boolean> {
    const expiresAt = this.clock.now() + leaseMs;
    const { affected } = await this.connection.execute(
      sql`UPDATE ${this.tables.task} SET lease_expires_at = ${expiresAt}, progress = ${progress} WHERE name = ${name} AND owner = ${owner}`,
    );
    return affected === 1;
  }

  /** Returns how far a task is, whoever has it. */
  async progressOf(name: TaskName): Promise<string | null> {
    const { records } = await this.connection.execute(
      sql`SELECT progress FROM ${this.tables.task} WHERE name = ${name}`,
      'operating',
    );
    return (records[0]?.progress as string | null | undefined) ?? null;
  }

  /** Gives a task back. */
  async release({ name, owner }: TaskLease, progress: string | null): Promise<void> {
    await this.connection.execute(
      sql`UPDATE ${this.tables.task} SET owner = NULL, lease_expires_at = 0, progress = ${progress} WHERE name = ${name} AND owner = ${owner}`,
    );
  }
}
