import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Clock } from '../clock.js';
import { webhookExceptions } from '../http/webhook.exception.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import type { Cancellation } from '../concurrency/cancellation.js';
import { ReceivingLimit } from '../concurrency/receiving.limit.js';
import { Semaphore } from '../concurrency/semaphore.js';
import { withDeadline } from '../concurrency/with-timeout.js';
import { errorName } from '../instrumentation/single-line.js';
import { ARRIVED_AT, bodyBytes, IN_MODULE, isRepeated, TENANT, type WebhookRequest } from '../http/webhook-request.js';
import { Instrumentation } from '../instrumentation/instrumentation.js';
import type { SecretProblem } from '../instrumentation/refusal.kind.js';
import { AUTH_SETTINGS, type AuthSettings } from './auth.options.js';
import { SecretUses } from './secret.uses.js';
import { SharedSecrets } from './shared-secrets.js';
import type { ResolvedSecrets, SecretResolver } from './secret-resolver.js';
import { isTenant } from './tenant.js';

/** What is wrong with the secret of a request; undefined if it is authentic. */
type SecretCheck = SecretProblem | undefined;

/** Number of calls of `resolveSecrets` that this module waits for at the same time. The other POSTs wait their turn. */
const MAX_CONCURRENT_RESOLUTIONS = 100;

/**
 * Authenticates the sender of a POST. A request without a valid secret is answered 401. Nothing of it is stored or
 * logged.
 */
@Injectable()
export class Cr3dentialsWebhookGuard implements CanActivate {
  private readonly resolutions = new Semaphore(MAX_CONCURRENT_RESOLUTIONS);
  private readonly problemOf: (request: WebhookRequest) => SecretCheck | Promise<SecretCheck>;

  constructor(
    @Inject(AUTH_SETTINGS) private readonly settings: AuthSettings,
    secrets: SharedSecrets,
    private readonly clock: Clock,
    private readonly instrumentation: Instrumentation,
    private readonly queue: ReceivingLimit,
    private readonly uses: SecretUses,
  ) {
    const { acceptsEveryone, resolveSecrets } = settings;
    const header = settings.header.toLowerCase();
    if (acceptsEveryone) this.problemOf = () => undefined;
    else if (resolveSecrets) this.problemOf = (request) => this.problemByResolver(request, header, resolveSecrets);
    else this.problemOf = (request) => this.problemWith(request, header, secrets);
  }

  canActivate(context: ExecutionContext): true | Promise<true> {
    const request = context.switchToHttp().getRequest<WebhookRequest>();
    const problem = this.problemOf(request);
    return problem instanceof Promise ? this.admitLater(request, problem) : this.admit(problem);
  }

  private async admitLater(request: WebhookRequest, checking: Promise<SecretCheck>): Promise<true> {
    request[IN_MODULE] = true;
    const problem = await checking;
    request[IN_MODULE] = false; // interceptors of the host come next
    return this.admit(problem);
  }

  private admit(problem: SecretCheck): true {
    if (problem) throw webhookExceptions.unauthorized(problem);
    return true;
  }

  private problemWith(request: WebhookRequest, header: string, secrets: SharedSecrets): SecretCheck {
    const given = request.headers[header];
    if (!given) return 'missing';
    if (typeof given !== 'string' || isRepeated(request, header)) return 'repeated';
    return secrets.verify(given, this.clock.now()) ? undefined : 'wrong';
  }

  private async problemByResolver(
    request: WebhookRequest,
    header: string,
    resolveSecrets: SecretResolver,
  ): Promise<SecretCheck> {
    if (!request.headers[header]) return 'missing';
    request[ARRIVED_AT] = performance.now();
    const bytes = bodyBytes(request);
    this.enterQueue(bytes);
    const resolved = await this.resolve(request, resolveSecrets).finally(() => this.queue.leave(bytes));
    if (!resolved) return 'wrong';
    const problem = this.problemWith(request, header, resolved.secrets);
    this.uses.addResolved(resolved.tenant, resolved.secrets);
    if (!problem) request[TENANT] = resolved.tenant;
    return problem;
  }

  private enterQueue(bytes: number): void {
    try {
      this.queue.enter(bytes);
    } catch (error) {
      this.instrumentation.announce('unavailable', { error: (error as Error).message });
      throw webhookExceptions.unavailable();
    }
  }

  private async resolve(
    { headers, params, query, url }: WebhookRequest,
    resolveSecrets: SecretResolver,
  ): Promise<{ tenant: string; secrets: SharedSecrets } | undefined> {
    const { resolveTimeout } = this.settings;
    const call = async () => resolveSecrets({ headers, params, query, url });
    try {
      const resolved = await withDeadline(
        (deadline) => this.resolutions.run(() => untilCancelled(call(), deadline), deadline),
        resolveTimeout,
        () => new Cr3dentialsWebhookError('SECRETS_UNAVAILABLE', `timed out after ${resolveTimeout} ms`),
      );
      return resolved ? parseResolvedSecrets(resolved) : undefined;
    } catch (error) {
      // The message of a host's error is left out: it may quote what was sent.
      const why = isOurs(error) ? error.message : errorName(error);
      this.instrumentation.announce('secrets-unavailable', { error: why });
      throw webhookExceptions.secretsUnavailable();
    }
  }
}

/** Settles as the promise does, or rejects on cancellation: what never settles would keep its turn for good. */
function untilCancelled<T>(promise: Promise<T>, cancellation: Cancellation): Promise<T> {
  return new Promise((resolve, reject) => {
    cancellation.onCancel(reject);
    promise.then(resolve, reject);
  });
}

/**
 * Tells errors of this file from those of the host. A host's error may be of our class too: a `PermanentError` has the
 * host's own message.
 */
function isOurs(error: unknown): error is Cr3dentialsWebhookError {
  return error instanceof Cr3dentialsWebhookError && error.code === 'SECRETS_UNAVAILABLE';
}

function parseResolvedSecrets({ tenant = '', secrets }: ResolvedSecrets): { tenant: string; secrets: SharedSecrets } {
  if (!isTenant(tenant)) {
    throw new Cr3dentialsWebhookError(
      'SECRETS_UNAVAILABLE',
      'its tenant is not well-formed text of up to 255 characters',
    );
  }
  return { tenant, secrets: new SharedSecrets(secrets) };
}
