import { Inject, Injectable } from '@nestjs/common';
import { AUTH_SETTINGS, type AuthSettings } from '../authentication/auth.options.js';
import { Clock } from '../clock.js';
import { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { validatePayload } from '../contract/payload-validation.js';
import { parseRejectedBody } from '../contract/raw-body.js';
import type { VerificationStatus } from '../contract/verification-status.js';
import { DatabaseConnection } from '../database/database.connection.js';
import { WebhookRoutes } from '../http/webhook-routes.js';
import { TimeoutError, withTimeout } from '../concurrency/with-timeout.js';
import { DatabaseTimeoutError, isUnavailable } from '../database/database.errors.js';
import { InboxQueries } from '../inbox/inbox.queries.js';
import { MAX_SEARCH_MS } from '../inbox/windowed.search.js';
import { PayloadCodec } from '../inbox/payload.codec.js';
import { DEFAULT_SETTINGS } from '../instance-reports/plain.settings.js';
import type { InboxGauges } from '../instrumentation/inbox.gauges.js';
import { Cr3dentialsWebhookInbox } from './cr3dentials-webhook.inbox.js';
import type { ErrorFilter, ErrorGroups } from './error-group.view.js';
import { ErrorGrouper } from './error.groups.js';
import { Gauges, PROBE_TIMEOUT_MS } from './gauges.js';
import { HandlerCatalogue } from './handler.catalogue.js';
import { InboxSearch } from './inbox.search.js';
import type { InstanceHandler } from './instance.view.js';

/** Token of `OperatorCore`. It is the same in each copy of the package. */
export const OPERATOR_CORE_TOKEN = 'cr3dentials-webhook operators';

/** What the core offers to the page. */
@Injectable()
export class OperatorCore {
  constructor(
    readonly inbox: Cr3dentialsWebhookInbox,
    readonly search: InboxSearch,
    readonly clock: Clock,
    private readonly catalogue: HandlerCatalogue,
    private readonly gauges: Gauges,
    private readonly codec: PayloadCodec,
    private readonly connection: DatabaseConnection,
    private readonly dataValidator: ExtractedDataValidator,
    private readonly grouper: ErrorGrouper,
    private readonly queries: InboxQueries,
    private readonly routes: WebhookRoutes,
    @Inject(AUTH_SETTINGS) private readonly auth: AuthSettings,
    /** Settings of an instance without any option. */
    @Inject(DEFAULT_SETTINGS) readonly defaultSettings: Readonly<Record<string, unknown>>,
  ) {}

  /** True if errors cannot be searched for. */
  get isSealed(): boolean {
    return this.codec.isKeyed;
  }

  /** Returns the ids of the handlers of live instances; those of this one while the database does not answer. */
  async handlerIds(): Promise<string[]> {
    const own = () => this.catalogue.among([]);
    const known = await withTimeout(this.catalogue.all(), PROBE_TIMEOUT_MS).catch(own);
    return [...known.keys()].toSorted();
  }

  /** Returns the handlers of live instances that are subscribed to a status. */
  async handlersFor(status: VerificationStatus | null): Promise<InstanceHandler[]> {
    if (status === null) return [];
    const known = await this.catalogue.all();
    return [...known.values()].filter(({ statuses }) => statuses.includes(status));
  }

  /** Reads the numbers of the inbox, at most once in this time. */
  readGauges(maxAgeMs: number): Promise<InboxGauges> {
    return this.gauges.read(maxAgeMs);
  }

  /** Counts completed deliveries. With more than 10 000 deliveries, the database estimates them. */
  countCompleted({ pending, processing, dead, unhandled, discarded }: InboxGauges): Promise<number> {
    return this.queries.completedBeside(pending + processing + dead + unhandled + discarded);
  }

  /** Returns what the provider has to be told: the paths of the webhook, none in an app that receives nothing. */
  get webhook(): { readonly paths: string[]; readonly header: string } {
    return { paths: this.routes.platform === undefined ? [] : this.routes.paths, header: this.auth.header };
  }

  /**
   * Groups the errors of the newest deliveries that it can look at while a person waits.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the filter is wrong
   */
  errors(filter: ErrorFilter): Promise<ErrorGroups> {
    return this.grouper.group(filter, MAX_SEARCH_MS);
  }

  /** Returns the constraints that a body breaks, without its values. None if this version understands it. */
  constraintsOf(rawBody: string): string[] {
    const { rejection } = validatePayload(this.dataValidator, parseRejectedBody(rawBody));
    if (!rejection) return [];
    const { violations, detail } = rejection;
    if (!violations) return [detail];
    return Object.entries(violations).map(([field, broken]) => `${field}: ${broken.join(', ')}`);
  }

  /** Tells why the database did not answer; undefined for another failure. */
  reasonOf(error: unknown): 'slow' | 'unavailable' | undefined {
    if (error instanceof DatabaseTimeoutError) return 'slow';
    if (error instanceof TimeoutError) return 'unavailable'; // numbers of all were not there in time
    return isUnavailable(this.connection.dialect, error) ? 'unavailable' : undefined;
  }
}
