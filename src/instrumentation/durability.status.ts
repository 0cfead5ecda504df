import { Injectable } from '@nestjs/common';
import { Instrumentation } from './instrumentation.js';

/** Remembers whether the check at boot found the inbox durable. */
@Injectable()
export class DurabilityStatus {
  /** False if the check at boot says that an acknowledged delivery could be lost. */
  isDurable = true;

  constructor(instrumentation: Instrumentation) {
    instrumentation.subscribe('started', ({ isDurable }) => {
      this.isDurable = isDurable;
    });
  }
}
