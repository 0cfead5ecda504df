type Undo = () => Promise<void>;

const undone = new Set<Undo>();

/**
 * Also when the harness is interrupted.
 *
 * @returns does it now, once
 */
export function undoAtExit(undo: Undo): Undo {
  undone.add(undo);
  return async () => {
    if (undone.delete(undo)) await undo();
  };
}

/** What was begun last is undone first. */
async function undoEverything(): Promise<void> {
  for (const undo of [...undone].toReversed()) {
    undone.delete(undo);
    await undo().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  }
}

/** Runs the work, and leaves nothing behind however it ends. */
export async function cleanly(work: () => Promise<void>): Promise<void> {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      process.stderr.write(`${signal}: ended before it was finished.\n`);
      void undoEverything().finally(() => process.exit(code));
    });
  try {
    await work();
  } finally {
    await undoEverything();
  }
}
