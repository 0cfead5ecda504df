export { Cr3dentialsWebhookDashboardModule } from './cr3dentials-webhook-dashboard.module.js';
export type {
  DashboardLink,
  DashboardMask,
  DashboardOptions,
  DashboardExtras,
  DashboardOptionsFactory,
  IdentifiedAccess,
  AsyncDashboardOptions,
  DashboardAsyncOptions,
} from './dashboard.options.js';
export type {
  DashboardRequest,
  Identify,
  DashboardGuard,
  BasicOperator,
  GuardedAccess,
  BasicAccess,
  DashboardAccess,
} from './access/access.options.js';
export type { Operator } from './access/operator.js';
export * from './api/contract.js';
