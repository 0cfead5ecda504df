import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, rmdirSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PAGE_BYTES = 4_096;

/** A file system of a few megabytes in memory, which can be filled, freed and made read-only. */
export class SmallDisk {
  readonly #ballast: string;

  private constructor(readonly folder: string) {
    this.#ballast = join(folder, 'ballast');
    process.once('exit', this.#unmount);
  }

  static mount(megabytes: number): SmallDisk {
    if (process.getuid?.() !== 0) throw new Error('Only root can mount a small disk. Run as root, on Linux.');
    const folder = mkdtempSync(join(tmpdir(), 'cr3d-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  /** Writes until not one page is left. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    try {
      for (const page = Buffer.alloc(PAGE_BYTES, 1); ;) writeSync(file, page);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Fails while a file is open for writing. */
  setReadOnly(isReadOnly: boolean): void {
    execFileSync('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, this.folder]);
  }

  remove(): void {
    process.off('exit', this.#unmount);
    this.#unmount();
  }

  /** Unmounts lazily: a process that has not quite exited may have a file open. */
  readonly #unmount = (): void => {
    execFileSync('umount', ['-l', this.folder]);
    rmdirSync(this.folder);
  };
}
