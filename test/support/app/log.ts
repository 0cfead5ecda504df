import type { LoggerService } from '@nestjs/common';
import { lookAtLogLine } from './canaries.js';

/** Remembers what an app logs, a line each. */
export class RememberingLogger implements LoggerService {
  readonly lines: string[] = [];

  log = this.remember('LOG');
  error = this.remember('ERROR');
  warn = this.remember('WARN');
  debug = this.remember('DEBUG');
  verbose = this.remember('VERBOSE');
  fatal = this.remember('FATAL');

  matching(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }

  private remember(level: string): (...words: unknown[]) => void {
    // Nest hands over the place of a stack even where there is none.
    return (...words) => {
      const said = words.filter((word) => word !== undefined);
      const line = `${level} ${said.map(String).join(' ')}`;
      lookAtLogLine(line, said.at(-1));
      this.lines.push(line);
    };
  }
}
