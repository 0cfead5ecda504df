import { connect } from 'node:net';

/** A POST as it goes over the wire, its header lines byte for byte as they stand here. */
export interface WirePost {
  readonly headers?: readonly (string | Buffer)[];
  readonly path?: string;
  readonly content?: string;
}

/** All bytes of the answer except the date, on a connection of its own. */
export async function bytesOfAnswer(
  url: string,
  { headers = [], path = '/webhook/cr3dentials', content = '{}' }: WirePost,
): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const lines = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(content)}`,
    ...headers,
  ];
  const head = lines.flatMap((line) => [Buffer.from(line as string), Buffer.from('\r\n')]);
  const socket = connect(Number(port), hostname);
  socket.write(Buffer.concat([...head, Buffer.from(`\r\n${content}`)])); // the other side closes after its answer
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks)
    .toString('latin1')
    .replace(/^Date: .*\r\n/m, '');
}
