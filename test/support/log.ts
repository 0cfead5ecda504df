import type { LoggerService } from '@nestjs/common';

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
    return (...words) => void this.lines.push(`${level} ${words.map(String).join(' ')}`);
  }
}
