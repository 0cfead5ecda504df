/** Reads HTTP answers out of what a connection yields: enough of HTTP/1.1 for answers that say their length. */
export class Answers {
  private pending = '';

  constructor(private readonly onAnswer: (status: number) => void) {}

  /** @throws Error when the answer does not say its length */
  read(bytes: Buffer, length: number): void {
    this.pending += bytes.toString('latin1', 0, length);
    for (;;) {
      const headEnd = this.pending.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const head = this.pending.slice(0, headEnd);
      const bodyLength = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (bodyLength === undefined) throw new Error(`An answer without a length: ${head}`);
      const end = headEnd + 4 + Number(bodyLength);
      if (this.pending.length < end) return;
      this.pending = this.pending.slice(end);
      this.onAnswer(Number(head.slice(9, 12)));
    }
  }
}
