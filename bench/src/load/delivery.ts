import { randomUUID } from 'node:crypto';
import { HOST, PATH } from '../contenders/contender.js';

export const SECRET = 'a-secret-of-the-benchmark-alone';

const PLACE = '00000000-0000-0000-0000-000000000000';

/** The provider's documented sample. */
export const sample = {
  sessionId: PLACE,
  status: 'COMPLETED',
  platformId: 1,
  externalReferenceId: 'user_abc123',
  extractedData: { accountHolder: 'John Doe', accountType: 'checking' },
  proofHash: '9f2c4a7be1d05836f7c2a9104e6bd8835a1c90ef2764b3d8a5f01e9c7b62d4a3',
  completedAt: '2025-03-24T12:05:00.000Z',
  metadata: {},
};

/** One POST as bytes. Only the session's id changes from one to the next, in place. */
export class Delivery {
  readonly bytes: Buffer;
  private readonly place: number;
  sessionId = PLACE;

  constructor() {
    const body = JSON.stringify(sample);
    this.bytes = Buffer.from(
      `POST ${PATH} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Type: application/json\r\nX-API-Key: ${SECRET}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    this.place = this.bytes.indexOf(PLACE);
  }

  /** The next session's. What was sent before must have been answered, so that its bytes are no longer needed. */
  next(): Buffer {
    this.sessionId = randomUUID();
    this.bytes.write(this.sessionId, this.place, 'latin1');
    return this.bytes;
  }
}
