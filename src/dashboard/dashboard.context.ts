import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Cr3dentialsWebhookError, withoutStack } from '../cr3dentials-webhook.error.js';
import { OPERATOR_CORE_TOKEN, type OperatorCore } from '../operations/operator.core.js';
import type { Authenticator } from './access/authenticator.js';
import { BasicOperators } from './access/basic.operators.js';
import { IdentifiedOperators } from './access/identified.operators.js';
import { LoopbackOperator } from './access/loopback.operator.js';
import { DASHBOARD_SETTINGS, type DashboardSettings } from './dashboard.settings.js';

/** Finds the inbox of the app, and makes who lets operators in. */
@Injectable()
export class DashboardContext implements OnModuleInit {
  private found?: OperatorCore;
  private letsIn?: Authenticator;

  constructor(
    private readonly modules: ModuleRef,
    @Inject(DASHBOARD_SETTINGS) private readonly settings: DashboardSettings,
  ) {}

  /** The core. */
  get core(): OperatorCore {
    if (!this.found) throw new Error('The module is not initialised yet.');
    return this.found;
  }

  get authenticator(): Authenticator {
    if (!this.letsIn) throw new Error('The module is not initialised yet.');
    return this.letsIn;
  }

  onModuleInit(): void {
    this.found = withoutStack(() => this.find());
    this.letsIn = this.authenticatorFor(this.found);
  }

  private find(): OperatorCore {
    try {
      return this.modules.get<OperatorCore>(OPERATOR_CORE_TOKEN, { strict: false });
    } catch {
      throw new Cr3dentialsWebhookError(
        'DASHBOARD_WITHOUT_INBOX',
        'Cr3dentialsWebhookDashboardModule needs the inbox. Import Cr3dentialsWebhookModule.forRoot(…) in the root module, from the same copy of the package.',
      );
    }
  }

  private authenticatorFor({ clock }: OperatorCore): Authenticator {
    const { access, title } = this.settings;
    if (access === 'public-on-loopback') return new LoopbackOperator();
    if ('basic' in access) return new BasicOperators(access.basic, title, clock);
    return new IdentifiedOperators(access.identify, clock, new Logger('Cr3dentialsWebhookDashboard'));
  }
}
