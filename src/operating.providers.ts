import type { Provider } from '@nestjs/common';
import { ActionRepository } from './inbox/action.repository.js';
import { AttemptRepository } from './inbox/attempt.repository.js';
import { BulkChunkRepository } from './inbox/bulk-chunk.repository.js';
import { BulkRepository } from './inbox/bulk.repository.js';
import { FailureQueries } from './inbox/failure.queries.js';
import { InstanceRepository } from './inbox/instance.repository.js';
import { SecretUseRepository } from './inbox/secret-use.repository.js';
import { SelectionCountQueries } from './inbox/selection-counts.queries.js';
import { TallyRepository } from './inbox/tally.repository.js';
import { InstanceReporter } from './instance-reports/instance.reporter.js';
import { SecretUseRecorder } from './instance-reports/secret-use.recorder.js';
import { TallyRecorder } from './instance-reports/tally.recorder.js';
import { ActionCallback } from './operations/action.callback.js';
import { Actions } from './operations/actions.js';
import { BulkOperations } from './operations/bulk.operations.js';
import { BulkPreviewer } from './operations/bulk.previewer.js';
import { BulkRunner } from './operations/bulk.runner.js';
import { ErrorGrouper } from './operations/error.groups.js';
import { InboxProblems } from './operations/inbox.problems.js';
import { Instances } from './operations/instances.js';
import { Monitor } from './operations/monitor.js';
import { TallyReader } from './operations/tally.reader.js';
import { HandlerCatalogue } from './operations/handler.catalogue.js';
import { History } from './operations/history.js';

/** What is kept of the past, who asks for it, and who acts on many. */
export const operatingProviders: readonly Provider[] = [
  ActionRepository,
  Actions,
  AttemptRepository,
  History,
  InstanceRepository,
  HandlerCatalogue,
  BulkRepository,
  BulkChunkRepository,
  SelectionCountQueries,
  BulkPreviewer,
  BulkRunner,
  BulkOperations,
  TallyRepository,
  SecretUseRepository,
  TallyRecorder,
  SecretUseRecorder,
  InstanceReporter,
  ActionCallback,
  TallyReader,
  Instances,
  FailureQueries,
  ErrorGrouper,
  InboxProblems,
  Monitor,
];
