import type { Provider } from '@nestjs/common';
import { DeliverySearchQueries } from '../inbox/delivery-search.queries.js';
import { DeliverySearches } from '../inbox/delivery.search.js';
import { RejectionSearchQueries } from '../inbox/rejection-search.queries.js';
import { InboxSearch } from './inbox.search.js';
import { OPERATOR_CORE_TOKEN, OperatorCore } from './operator.core.js';

export { OPERATOR_CORE_TOKEN };

/** Providers of what the page asks. */
export const operatorProviders: Provider[] = [
  DeliverySearches,
  DeliverySearchQueries,
  RejectionSearchQueries,
  InboxSearch,
  OperatorCore,
  { provide: OPERATOR_CORE_TOKEN, useExisting: OperatorCore },
];
