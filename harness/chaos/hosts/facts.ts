import { openSync, writeSync } from 'node:fs';
import { setting, type Place } from './setting.js';

const file = openSync(setting().facts, 'a');
let doomed: Place | undefined;

/** Says that a handler has begun or ended with a session. */
export function say(session: string, handler: 'begins' | 'ends'): void {
  writeSync(file, `${JSON.stringify({ session, handler, by: setting().name })}\n`);
}

/** Ends this process there, when it has been told to. */
export function passBy(place: Place): void {
  if (doomed === place) process.kill(process.pid, 'SIGKILL');
}

/** Tells the harness that this host listens, and ends with it. */
export function report(): void {
  process.on('message', (place: Place) => (doomed = place));
  process.on('disconnect', () => process.exit());
  process.channel?.unref();
  process.send?.('listens');
}
