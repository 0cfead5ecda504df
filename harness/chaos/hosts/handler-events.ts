import { openSync, writeSync } from 'node:fs';
import { hostSettings, type HostAnswer, type HostCommand, type KillPoint } from './host-settings.js';

const file = openSync(hostSettings().eventsFile, 'a');
let armed: KillPoint | undefined;

/** Records that a handler has begun or ended; the file outlives this process. */
export function emit(session: string, handler: 'begins' | 'ends'): void {
  writeSync(file, `${JSON.stringify({ session, handler, by: hostSettings().name })}\n`);
}

/** Records what the module has announced of a delivery. */
export function emitAnnouncement(announced: 'accepted' | 'completed', delivery: string): void {
  writeSync(file, `${JSON.stringify({ announced, delivery })}\n`);
}

/** Kills this process when the harness has armed this point. */
export function killPoint(point: KillPoint): void {
  if (armed === point) process.kill(process.pid, 'SIGKILL');
}

/** Tells the harness that this host listens; the host exits with the harness. */
export function announceReady(): void {
  process.on('message', (command: HostCommand) => {
    if ('killAt' in command) armed = command.killAt;
  });
  process.on('disconnect', () => process.exit());
  process.channel?.unref();
  answer('listens');
}

export function answer(text: HostAnswer): void {
  process.send?.(text);
}
