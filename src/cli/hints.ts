import type { Summary } from './summary.counter.js';

/** Returns one line for each cause of failure that the user of the command can fix. */
export function hintsFor({ failed, statusCodes, errors }: Summary, hasSecret: boolean): string[] {
  if (failed === 0) return [];
  return [
    ...(statusCodes[401] ? [hasSecret ? WRONG_SECRET : NO_SECRET] : []),
    ...(statusCodes[404] ? [WRONG_PATH] : []),
    ...(errors.ECONNREFUSED ? [NOT_LISTENING] : []),
  ];
}

const WRONG_SECRET =
  "Hint for 401: is the secret the app's? Compare the variable of --secret-env with the secret of the app, and --header with its auth.header.";
const NO_SECRET =
  'Hint for 401: the app expects a secret. Pass --secret-env with the name of its environment variable.';
const WRONG_PATH =
  'Hint for 404: is the path of --url right? The app logs its route at boot. A global prefix comes before it.';
const NOT_LISTENING = 'Hint for ECONNREFUSED: nothing listens at --url. Is the app running, and is the port right?';
