import { authCheck, authSettings, type AuthOptions, type AuthSettings } from './authentication/auth.options.js';
import { platformClasses, platformsCheck, type PlatformClasses } from './contract/platforms.options.js';
import {
  databaseCheck,
  databaseSettings,
  type DatabaseOptions,
  type DatabaseSettings,
} from './database/database.options.js';
import {
  encryptionCheck,
  encryptionSettings,
  type EncryptionOptions,
  type EncryptionSettings,
} from './encryption/encryption.options.js';
import type { Telemetry } from './instrumentation/telemetry.js';
import { telemetryCheck, telemetrySettings } from './instrumentation/telemetry.options.js';
import { httpChecks, httpSettings, type HttpOptions, type HttpSettings } from './http/http.options.js';
import {
  receivingCheck,
  receivingSettings,
  type ReceivingOptions,
  type ReceivingSettings,
} from './inbox/receiving.options.js';
import type { OnAction } from './operations/action.callback.js';
import {
  observeCheck,
  observeSettings,
  type ObserveOptions,
  type ObserveSettings,
} from './instance-reports/observe.options.js';
import { anything, boolean, callable, fields, invalid, pathsOf, text } from './option.checks.js';
import {
  retentionCheck,
  retentionSettings,
  type RetentionOptions,
  type RetentionSettings,
} from './retention/retention.options.js';
import {
  processingCheck,
  processingSettings,
  type ProcessingOptions,
  type ProcessingSettings,
} from './processing/processing.options.js';

/**
 * Options that may come from an async factory. An unknown, ill-typed or contradictory option stops the boot, with a
 * message that says what to write. All durations are milliseconds.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookOptions {
  /** Callers that may post. `'none'` accepts every caller and warns at every boot. Required. */
  auth: AuthOptions | 'none';
  /** Connections of the inbox to a database server. */
  database?: DatabaseOptions;
  /** Limits on the time, the number and the size of POSTs that wait until they are durable. */
  receiving?: ReceivingOptions;
  /**
   * Classes with class-validator decorators, one per `platformId`, that `extractedData` must fit. The data is checked
   * before its delivery is recorded. A POST whose data does not fit is acknowledged and kept as a rejection
   * (`unexpected-data`). Events hold an instance of the class. Asynchronous validators are skipped. @default {}
   */
  platforms?: PlatformClasses;
  /** Settings of the worker that runs handlers on this instance. */
  processing?: ProcessingOptions;
  /** Keys that contents are sealed with in the database. @default contents are stored as they are sent */
  encryption?: EncryptionOptions;
  /** Times after which contents and rows are removed. @default nothing is removed */
  retention?: RetentionOptions;
  /**
   * What follows deliveries for a monitoring system: `openTelemetry()`, `promClient()`, or your own. @default nothing
   */
  telemetry?: Telemetry | readonly Telemetry[];
  /**
   * What instances write of themselves, for whoever operates them: counts by minute and hour, which of them are there,
   * and which secrets are used. Nothing of it is personal. `false` writes nothing. @default { interval: 10000 }
   */
  observe?: ObserveOptions | false;
  /**
   * Called after each act of an operator, once it is durable: for a record of your own. What it throws is logged, and
   * changes nothing. @default nothing is called
   */
  onAction?: OnAction;
}

/**
 * Options that Nest needs before any provider exists. In `forRootAsync` they stand beside `useFactory`.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookExtras extends HttpOptions {
  /** Name of the host's TypeORM DataSource. @default the default DataSource */
  dataSource?: string;
  /** Makes `Cr3dentialsWebhookInbox` injectable in every module of the app, without an import. @default true */
  isGlobal?: boolean;
}

/**
 * Provider that makes the options, for `useClass` and `useExisting` of `forRootAsync`.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookOptionsFactory {
  /** Returns the options, or a promise of them. Nest calls it once, at boot. */
  createCr3dentialsWebhookOptions(): Cr3dentialsWebhookOptions | Promise<Cr3dentialsWebhookOptions>;
}

/** Options by step, with every default filled in. They hold no secret. */
export interface Settings {
  readonly auth: AuthSettings;
  readonly database: DatabaseSettings;
  readonly receiving: ReceivingSettings;
  readonly platforms: PlatformClasses;
  readonly processing: ProcessingSettings;
  readonly encryption: EncryptionSettings;
  readonly retention: RetentionSettings;
  readonly telemetry: readonly Telemetry[];
  readonly observe: ObserveSettings;
  readonly onAction: OnAction | undefined;
}

/** Extras with every default filled in. */
export interface ExtraSettings {
  readonly http: HttpSettings;
  readonly dataSource: string | undefined;
  readonly isGlobal: boolean;
}

const OPTIONS = {
  auth: authCheck,
  database: databaseCheck,
  receiving: receivingCheck,
  platforms: platformsCheck,
  processing: processingCheck,
  encryption: encryptionCheck,
  retention: retentionCheck,
  telemetry: telemetryCheck,
  observe: observeCheck,
  onAction: callable,
};
const EXTRAS = { ...httpChecks, dataSource: text, isGlobal: boolean };
const ASYNC = ['useFactory', 'useClass', 'useExisting', 'inject', 'imports', 'provideInjectionTokensFrom'];

/**
 * Checks the options and fills in the defaults.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`, naming the option and what to write instead
 */
export function parseOptions(given: unknown): Settings {
  if (given === null || typeof given !== 'object') {
    throw invalid('The options must be an object. Pass { auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] } }.');
  }
  for (const name of Object.keys(EXTRAS)) {
    if (name in given)
      throw invalid(`Option "${name}" cannot come from a factory. Put it beside "useFactory" in forRootAsync.`);
  }
  fields(OPTIONS)(given, '');
  const options: Partial<Cr3dentialsWebhookOptions> = given;
  const receiving = receivingSettings(options.receiving);
  return {
    auth: authSettings(options.auth, receiving.ackTimeout),
    database: databaseSettings(options.database),
    receiving,
    platforms: platformClasses(options.platforms),
    processing: processingSettings(options.processing),
    encryption: encryptionSettings(options.encryption, secretsOf(options.auth)),
    retention: retentionSettings(options.retention),
    telemetry: telemetrySettings(options.telemetry),
    observe: observeSettings(options.observe),
    onAction: options.onAction,
  };
}

function secretsOf(auth: Cr3dentialsWebhookOptions['auth'] | undefined): unknown[] {
  const secrets = auth === 'none' ? undefined : auth?.secrets;
  return (secrets ?? []).map((secret) => (typeof secret === 'object' ? secret.value : secret));
}

/**
 * Checks the extras and fills in the defaults. It runs before Nest reads them, because Nest ignores unknown options
 * silently.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`
 */
export function parseExtras(given: object): ExtraSettings {
  const isAsync = ASYNC.some((name) => name in given);
  const misplaced = isAsync && Object.keys(OPTIONS).find((name) => name in given);
  if (misplaced) throw invalid(`Option "${misplaced}" comes from the factory in forRootAsync. Return it there.`);
  const others = isAsync ? Object.fromEntries(ASYNC.map((name) => [name, anything])) : OPTIONS;
  fields({ ...others, ...EXTRAS })(given, '', pathsOf({ ...OPTIONS, ...EXTRAS }));
  const extras: Cr3dentialsWebhookExtras = given;
  return { http: httpSettings(extras), dataSource: extras.dataSource, isGlobal: extras.isGlobal ?? true };
}
