import { Injectable } from '@nestjs/common';
import { uuidv7 } from 'uuidv7';

/** Who this worker is to the others, as the owner of its leases; a new one at every start. */
@Injectable()
export class WorkerIdentity {
  readonly owner = uuidv7();
}
