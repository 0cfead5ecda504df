// The JSON API of the page: one source of types for server, page and hosts.
export {
  type ConflictAnswer,
  type DeliveryReason,
  type ErrorAnswer,
  type ErrorCode,
  type Link,
  type Page,
  type Permission,
  REQUEST_HEADER,
  type Searched,
  type Session,
} from './contract/common.js';
export type { ContentsState } from '../../operations/contents.view.js';
export type { DeliveryState } from '../../inbox/delivery-state.entity.js';
export type { RejectionReason, RejectionState } from '../../inbox/rejection.entity.js';
export type { HandlerRunState } from '../../inbox/handler-run.entity.js';
export type { VerificationStatus } from '../../contract/verification-status.js';
export type { Change, MaskedField, MaskedValue } from './contract/masked.js';
export type { ActionRow, ActionQuery } from './contract/actions.js';
export type {
  SessionRejection,
  DeliveryAnswer,
  DeliveryDetail,
  DeliveryQuery,
  DeliveryRow,
  FailureView,
  FindRequest,
  LeaseView,
  ReasonRequest,
  ReplayRequest,
  RevealAnswer,
  RevealRequest,
  RunRow,
} from './contract/deliveries.js';
export type { HandlerTime, Happening, TimelineEntry } from './contract/timeline.js';
export type {
  FindAnswer,
  RejectionAnswer,
  RejectionDetail,
  RejectionQuery,
  RejectionRow,
} from './contract/rejections.js';
export type {
  BulkAnswer,
  BulkConditions,
  BulkListing,
  BulkPreviewAnswer,
  BulkPreviewRequest,
  BulkStartRequest,
  BulkView,
} from './contract/bulk.js';
export type {
  ErrorListing,
  ErrorQuery,
  HandlerListing,
  InstanceListing,
  InstanceStart,
  Listing,
  Overview,
  OverviewNumbers,
  Problem,
  SecretListing,
  SettingListing,
  SettingRow,
  SettingValue,
  TallyAnswer,
  TallyRequest,
} from './contract/statistics.js';
