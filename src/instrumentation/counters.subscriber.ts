import { Injectable } from '@nestjs/common';
import { Instrumentation } from './instrumentation.js';

/** Counts of this process since it started. */
@Injectable()
export class Counters {
  /** POSTs that were answered 401: nothing else is kept of them. */
  unauthorized = 0;

  constructor(instrumentation: Instrumentation) {
    instrumentation.subscribe('unauthorized', () => {
      this.unauthorized++;
    });
  }
}
