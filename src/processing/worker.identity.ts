import { Injectable } from '@nestjs/common';
import { newId } from '../new-id.js';

/** Identifies this worker in its claims. Every start has a new id. */
@Injectable()
export class WorkerIdentity {
  readonly id = newId();
  /** Fingerprint of the handlers of this worker. Undefined before it has started. */
  handlers?: string;
}
