import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { Answerer } from './answerer.js';
import { Refusal } from './refusal.js';

/** Bound to the controller, so that a host's global filters neither see nor change what our guards throw. */
@Catch(Refusal)
export class RefusalFilter implements ExceptionFilter<Refusal> {
  constructor(private readonly answerer: Answerer) {}

  catch(refusal: Refusal, host: ArgumentsHost): void {
    this.answerer.refuse(host.switchToHttp().getResponse(), refusal);
  }
}
