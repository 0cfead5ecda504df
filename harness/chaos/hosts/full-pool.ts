import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { answer } from './handler-events.js';
import type { HostCommand } from './host-settings.js';

/** More than any pool of a host has. */
const CONNECTIONS = 64;
/** A query that waits for longer has no connection. */
const MAX_WAIT_MS = 300;

/** Takes every connection of the host's pool when the harness asks for it, and tells whether one was left. */
export function holdPoolOnCommand(database: DataSource): void {
  process.on('message', (command: HostCommand) => {
    if ('holdPoolMs' in command) void holdPool(database, command.holdPoolMs);
  });
}

async function holdPool(database: DataSource, forMs: number): Promise<void> {
  const released = sleep(forMs);
  const holders = Array.from({ length: CONNECTIONS }, () => holdConnection(database, released));
  const isServed = await Promise.race([
    database.query('SELECT 1').then(
      () => true,
      () => false,
    ),
    sleep(MAX_WAIT_MS, false),
  ]);
  answer(isServed ? 'the pool is not full' : 'the pool is full');
  await Promise.all(holders);
}

/** Connections that wait longer than for the others are given back at once. */
async function holdConnection(database: DataSource, released: Promise<unknown>): Promise<void> {
  const runner = database.createQueryRunner();
  try {
    await runner.connect();
    await released;
  } finally {
    await runner.release();
  }
}
