import { Injectable } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { Handled } from './contender.js';

export const RECEIVED = 'verification.received';

/** What this process has handled. */
export const handled = new Handled();

/** Whoever subscribes to what the peers emit. */
@Injectable()
export class Counter {
  @OnEvent(RECEIVED)
  count(): void {
    handled.handle();
  }
}
