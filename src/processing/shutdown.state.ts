import { Injectable } from '@nestjs/common';

/** Tells whether the app is shutting down. The host may have closed what its handlers need. */
@Injectable()
export class ShutdownState {
  hasBegun = false;
}
