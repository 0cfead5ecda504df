import { authCheck, authSettings, type AuthOptions, type AuthSettings } from './authentication/auth.options.js';
import { platformClasses, platformsCheck, type PlatformClasses } from './contract/platforms.options.js';
import { httpChecks, httpSettings, type HttpOptions, type HttpSettings } from './http/http.options.js';
import {
  receivingCheck,
  receivingSettings,
  type ReceivingOptions,
  type ReceivingSettings,
} from './inbox/inbox.options.js';
import { anything, boolean, fields, invalid, pathsOf, text } from './option.checks.js';
import {
  processingCheck,
  processingSettings,
  type ProcessingOptions,
  type ProcessingSettings,
} from './processing/processing.options.js';

/**
 * The options that may come from an async factory. Unknown, ill-typed and contradictory ones stop the boot with a
 * message that says what to do. All durations are milliseconds.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookOptions {
  /** Who may post. `'none'` accepts every caller and warns at every boot. Required. */
  auth: AuthOptions | 'none';
  /** How long and how many POSTs may wait until they are durable. */
  receiving?: ReceivingOptions;
  /**
   * What `extractedData` is expected to be, as a class with class-validator decorators per `platformId`. It is checked
   * before a delivery is recorded: what does not fit is acknowledged and kept as a rejection (`unexpected-data`), and
   * events hold an instance of the class. Asynchronous validators are not asked. @default {}
   */
  platforms?: PlatformClasses;
  /** How deliveries are handed to handlers on this instance. */
  processing?: ProcessingOptions;
}

/**
 * The options that Nest needs before any provider exists; beside `useFactory` in `forRootAsync`.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookExtras extends HttpOptions {
  /** Name of the host's TypeORM DataSource. @default the default DataSource */
  dataSource?: string;
  /** Whether `Cr3dentialsWebhookInbox` can be injected without importing the module. @default false */
  isGlobal?: boolean;
}

/**
 * What `useClass` and `useExisting` of `forRootAsync` name: a provider that makes the options.
 *
 * @publicApi
 */
export interface Cr3dentialsWebhookOptionsFactory {
  /** Returns the options, or a promise of them. Called once, at boot. */
  createCr3dentialsWebhookOptions(): Cr3dentialsWebhookOptions | Promise<Cr3dentialsWebhookOptions>;
}

/** The options with every default filled in, by step. No secret is among them. */
export interface Settings {
  readonly auth: AuthSettings;
  readonly receiving: ReceivingSettings;
  readonly platforms: PlatformClasses;
  readonly processing: ProcessingSettings;
}

/** The extras with every default filled in. */
export interface ExtraSettings {
  readonly http: HttpSettings;
  readonly dataSource: string | undefined;
  readonly isGlobal: boolean;
}

const OPTIONS = { auth: authCheck, receiving: receivingCheck, platforms: platformsCheck, processing: processingCheck };
const EXTRAS = { ...httpChecks, dataSource: text, isGlobal: boolean };
const ASYNC = ['useFactory', 'useClass', 'useExisting', 'inject', 'imports', 'provideInjectionTokensFrom'];

/** @throws Cr3dentialsWebhookError `OPTIONS_INVALID`, naming the option and what to write instead. */
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
    receiving,
    platforms: platformClasses(options.platforms),
    processing: processingSettings(options.processing),
  };
}

/**
 * Before Nest knows of the module: what it does not know it would pass over in silence.
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
  return { http: httpSettings(extras), dataSource: extras.dataSource, isGlobal: extras.isGlobal ?? false };
}
