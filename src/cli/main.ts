#!/usr/bin/env node
/*!
 * This command bundles commander (Copyright (c) 2011 TJ Holowaychuk), cli-progress (Copyright (c) 2015-2022 Andi
 * Dittrich), cli-table3 (Copyright (c) 2014 James Talmage), string-width, strip-ansi, ansi-regex and
 * is-fullwidth-code-point (Copyright (c) Sindre Sorhus), and emoji-regex (Copyright Mathias Bynens), each under the MIT
 * License:
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
 * documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
 * rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to
 * permit persons to whom the Software is furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
 * Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
 * WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
 * COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
 * OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 */
import { CommanderError } from 'commander';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { endWithReader } from './end-with-reader.js';
import { errorLine } from './error.line.js';
import { printableLines } from './printable.js';
import { program } from './program.js';
import { UsageError } from './usage.error.js';

/** Exit code of a command with wrong arguments, or that failed. The exit code after a failed delivery is 1. */
const EXIT_USAGE = 2;

endWithReader(process.stdout);
endWithReader(process.stderr);
program()
  .parseAsync()
  .catch((error: unknown) => {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE; // commander has printed the error
    } else {
      // Not as Node.js prints an error: it would show the values of a statement that has failed.
      const message = error instanceof UsageError || isOurs(error) ? error.message : errorLine(error);
      // An app that did not boot leaves the connections of its host open: those of MySQL would hold this process.
      process.stderr.write(`error: ${printableLines(message)}\n`, () => process.exit(EXIT_USAGE));
    }
  });

/** Tells whether an error is one of the package, in any copy: the commands of the inbox load it beside this bundle. */
function isOurs(error: unknown): error is Error {
  return (
    error instanceof Cr3dentialsWebhookError || (error instanceof Error && error.name === 'Cr3dentialsWebhookError')
  );
}
