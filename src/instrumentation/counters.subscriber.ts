import { Injectable } from '@nestjs/common';

/** Counts the requests that this instance has answered 401 since it started. They are not stored. */
@Injectable()
export class UnauthorizedCounter {
  value = 0;
}
