import { existsSync, mkdtempSync, rmSync, writeFileSync, chmodSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LIBRARIES = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketimeMT.so.1`);

/** The clock of a program, which can be set while it runs. Its monotonic clock stays right. */
export class FakeClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'cr3d-clock-'));
  readonly #file = join(this.#folder, 'offset');

  constructor(private readonly library: string | undefined = LIBRARIES.find((file) => existsSync(file))) {
    if (!library) throw new Error('libfaketime is missing. Install it (Debian: libfaketime).');
    chmodSync(this.#folder, 0o755); // servers run as other accounts
    this.set(0);
  }

  /** The environment of the programs that have this clock. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.library ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }

  set(offsetMs: number): void {
    const next = `${this.#file}.next`;
    writeFileSync(next, `${offsetMs < 0 ? '-' : '+'}${Math.abs(offsetMs) / 1_000}`);
    renameSync(next, this.#file); // nobody reads half of it
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
