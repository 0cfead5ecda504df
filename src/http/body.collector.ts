import type { IncomingMessage } from 'node:http';

/**
 * Resolves to the body, or to why there is none. One that is too large is not destroyed: the sender is to read the
 * answer.
 */
export async function collectBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<Buffer | 'too-large' | 'cut-off'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer | string>) {
      // Text after `setEncoding()` of a middleware.
      const read = typeof chunk === 'string' ? Buffer.from(chunk, request.readableEncoding ?? 'utf8') : chunk;
      bytes += read.length;
      if (bytes > maxBytes) break;
      chunks.push(read);
    }
  } catch {
    return 'cut-off'; // the sender has left
  }
  if (bytes <= maxBytes) return Buffer.concat(chunks);
  request.resume();
  return 'too-large';
}
