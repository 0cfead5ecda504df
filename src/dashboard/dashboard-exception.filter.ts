import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { DashboardException } from './api/dashboard.exception.js';
import { DashboardResponder } from './dashboard.responder.js';

/** Answers what our guards refuse. What guards of the host refuse is answered as the host does it. */
@Catch(DashboardException)
export class DashboardExceptionFilter implements ExceptionFilter<DashboardException> {
  constructor(private readonly responder: DashboardResponder) {}

  catch(exception: DashboardException, host: ArgumentsHost): void {
    this.responder.sendError(host.switchToHttp().getResponse<unknown>(), exception);
  }
}
