import { Injectable } from '@nestjs/common';

/** Requests answered 401 since this instance started: all that is kept of them. */
@Injectable()
export class UnauthorizedCounter {
  value = 0;
}
