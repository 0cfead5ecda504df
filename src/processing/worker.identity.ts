import { Injectable } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';

/** Identifies this worker in its claims. Every start has a new id. */
@Injectable()
export class WorkerIdentity {
  readonly id = uuidv7();
  /** Tells the handlers of this worker from those of other versions. Undefined before it has started. */
  handlers?: string;
}
