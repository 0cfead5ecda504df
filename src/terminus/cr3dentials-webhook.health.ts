import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { withoutStack, Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { INBOX_TOKEN, type Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';
import type { HealthOptions, HealthProblem } from '../operations/inbox.health.js';

const DEFAULT_KEY = 'cr3dentials-webhook';

/**
 * Indicator for `HealthCheckService.check()` of `@nestjs/terminus`. It throws for wrong limits only. Its details are the codes of the
 * problems, with their numbers. What is degraded is up; Terminus 12 calls it `degraded`, and answers 200 too.
 *
 * @publicApi
 */
@Injectable()
export class Cr3dentialsWebhookHealth implements OnModuleInit {
  private inbox!: Cr3dentialsWebhookInbox;

  constructor(
    private readonly service: HealthIndicatorService,
    private readonly modules: ModuleRef,
  ) {}

  /** Finds the inbox. Nest calls it. */
  onModuleInit(): void {
    this.inbox = withoutStack(() => this.findInbox());
  }

  /** Tells whether this instance still works. Restart it if not. Nothing that all instances share is asked. */
  isAlive(key = DEFAULT_KEY): Promise<HealthIndicatorResult> {
    return this.check(key, { question: 'alive' });
  }

  /** Tells whether this instance should get requests: until its shutdown begins. */
  isReady(key = DEFAULT_KEY): Promise<HealthIndicatorResult> {
    return this.check(key, { question: 'ready' });
  }

  /**
   * Tells whether somebody should look. For people and alerts, not for a probe that restarts or removes instances.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when a limit is wrong
   */
  isWell(limits: Omit<HealthOptions, 'question'> = {}, key = DEFAULT_KEY): Promise<HealthIndicatorResult> {
    return this.check(key, { ...limits, question: 'well' });
  }

  private async check(key: string, options: HealthOptions): Promise<HealthIndicatorResult> {
    const { status, problems } = await this.inbox.health(options);
    const session = this.service.check(key);
    const details = detailsOf(problems);
    if (status === 'ok') return session.up();
    if (status === 'failing') return session.down(details);
    return 'degraded' in session
      ? session.degraded(details)
      : withoutDegraded(session).up({ degraded: true, ...details });
  }

  private findInbox(): Cr3dentialsWebhookInbox {
    try {
      return this.modules.get<Cr3dentialsWebhookInbox>(INBOX_TOKEN, { strict: false });
    } catch {
      throw new Cr3dentialsWebhookError(
        'MODULE_UNCONFIGURED',
        'Cr3dentialsWebhookHealthModule needs the inbox. Import Cr3dentialsWebhookModule.forRoot(…) in the root module.',
      );
    }
  }
}

/** Returns a session of Terminus 11, which knows no `degraded`. */
function withoutDegraded(session: unknown): Pick<ReturnType<HealthIndicatorService['check']>, 'up'> {
  return session as ReturnType<HealthIndicatorService['check']>;
}

function detailsOf(problems: readonly HealthProblem[]): Record<string, unknown> {
  const values = problems.flatMap(({ code, value }) => (value === undefined ? [] : [[code, value] as const]));
  return { problems: problems.map(({ code }) => code), ...Object.fromEntries(values) };
}
