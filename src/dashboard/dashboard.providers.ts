import type { Provider } from '@nestjs/common';
import { AccessGuard } from './access/access.guard.js';
import { SameOriginGuard } from './access/same-origin.guard.js';
import { ActionsApi } from './api/actions.api.js';
import { BulkApi } from './api/bulk.api.js';
import { DeliveriesApi } from './api/deliveries.api.js';
import { DeliveryDetailApi } from './api/delivery-detail.api.js';
import { OverviewApi } from './api/overview.api.js';
import { RejectionsApi } from './api/rejections.api.js';
import { RequestLimit } from './api/request.limit.js';
import { RevealApi } from './api/reveal.api.js';
import { Rows } from './api/rows.js';
import { SessionApi } from './api/session.api.js';
import { StatisticsApi } from './api/statistics.api.js';
import { DashboardBoot } from './dashboard.boot.js';
import { HeadersGuard } from './dashboard.headers.js';
import { DashboardContext } from './dashboard.context.js';
import { DashboardResponder } from './dashboard.responder.js';
import { BodyMask } from './masking/body.mask.js';
import { PageFiles } from './page.files.js';

/** Providers of the page, once it is enabled. */
export const dashboardProviders: Provider[] = [
  DashboardContext,
  DashboardBoot,
  DashboardResponder,
  HeadersGuard,
  SameOriginGuard,
  AccessGuard,
  RequestLimit,
  PageFiles,
  BodyMask,
  Rows,
  SessionApi,
  OverviewApi,
  StatisticsApi,
  DeliveriesApi,
  DeliveryDetailApi,
  RejectionsApi,
  RevealApi,
  BulkApi,
  ActionsApi,
];
