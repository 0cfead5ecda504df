import { Injectable } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';

/** Identifies this worker as the owner of its leases. Every start has a new id. */
@Injectable()
export class WorkerIdentity {
  readonly owner = uuidv7();
}
