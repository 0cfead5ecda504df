import { once } from 'node:events';
import { connect } from 'node:net';
import { lookForCanaries } from '../app/canaries.js';

/** Longer than any answer takes. */
const SILENCE_TIMEOUT_MS = 10_000;

/**
 * Sends text as it is.
 *
 * @returns the statuses of all answers until the connection is closed, or nothing more comes
 */
export async function sendRaw(url: string, text: string, then?: 'and leaves'): Promise<number[]> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.setTimeout(SILENCE_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => undefined); // what was answered before it is what counts
  socket.write(text);
  if (then === 'and leaves') socket.end();
  await once(socket, 'close');
  const answers = Buffer.concat(chunks).toString();
  lookForCanaries('what a connection was answered', answers);
  return Array.from(answers.matchAll(/HTTP\/1\.1 (\d{3}) /g), ([, status]) => Number(status));
}
