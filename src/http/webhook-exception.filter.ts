import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { WebhookResponder } from './webhook.responder.js';
import { WebhookException } from './webhook.exception.js';

/** Sends our exceptions. It is bound to the controller, so that a host's global filters neither see nor change them. */
@Catch(WebhookException)
export class WebhookExceptionFilter implements ExceptionFilter<WebhookException> {
  constructor(private readonly responder: WebhookResponder) {}

  catch(exception: WebhookException, host: ArgumentsHost): void {
    this.responder.sendException(host.switchToHttp().getResponse(), exception);
  }
}
