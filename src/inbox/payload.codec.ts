import { Injectable } from '@nestjs/common';

/** Place where a text is stored. An encrypting codec can bind the text to it. */
export interface TextPlace {
  readonly column: 'delivery.raw_body' | 'rejection.raw_body';
  /** Id of the row. */
  readonly row: string;
  readonly tenant: string;
}

/**
 * Converts the raw body of a POST to the text of its column, and back. Every repository reads and writes through it.
 */
export abstract class PayloadCodec {
  abstract encode(rawBody: string, place: TextPlace): string;
  abstract decode(stored: string, place: TextPlace): string;
}

/** Stores the raw body as it is. */
@Injectable()
export class PlainTextCodec extends PayloadCodec {
  encode(rawBody: string): string {
    return rawBody;
  }

  decode(stored: string): string {
    return stored;
  }
}
