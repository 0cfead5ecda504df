type Cleanup = () => Promise<void>;

const cleanups = new Set<Cleanup>();

/**
 * Registers work that is done when the harness ends, also when it is interrupted.
 *
 * @returns does it now, and only once
 */
export function registerCleanup(cleanup: Cleanup): Cleanup {
  cleanups.add(cleanup);
  return async () => {
    if (cleanups.delete(cleanup)) await cleanup();
  };
}

/** The last that was registered is run first. */
async function runCleanups(): Promise<void> {
  for (const cleanup of [...cleanups].toReversed()) {
    cleanups.delete(cleanup);
    await cleanup().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  }
}

/** Runs the work, and then every cleanup, however it ends. */
export async function withCleanup(work: () => Promise<void>): Promise<void> {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      process.stderr.write(`${signal}: interrupted before the end.\n`);
      void runCleanups().finally(() => process.exit(code));
    });
  try {
    await work();
  } finally {
    await runCleanups();
  }
}
