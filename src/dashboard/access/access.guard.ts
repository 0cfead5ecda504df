import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { forbidden } from '../api/dashboard.exception.js';
import { DashboardContext } from '../dashboard.context.js';
import type { HostRequest } from './host.request.js';
import { letIn, may } from './operator.js';
import { demandOf } from './requires.decorator.js';

/** Names the operator, and lets in who has the permission of the route. It runs after the guards of the host. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(@Inject(DashboardContext) private readonly context: DashboardContext) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const request = context.switchToHttp().getRequest<HostRequest>();
    const operator = await this.context.authenticator.authenticate(request);
    const demand = demandOf(context.getHandler());
    if (!demand) throw forbidden('This route demands no permission, so it answers nobody.');
    const { permission, isOfAllTenants } = demand;
    if (!may(operator, permission)) throw forbidden(`You need the permission "${permission}".`);
    if (isOfAllTenants && operator.tenants) throw forbidden('This is of all tenants, and you may see only some.');
    letIn(request, operator);
    return true;
  }
}
