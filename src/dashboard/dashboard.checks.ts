import type { CanActivate } from '@nestjs/common';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import {
  anything,
  boolean,
  callable,
  containing,
  fields,
  invalid,
  listOf,
  notEmpty,
  oneOf,
  pathsOf,
  share,
  text,
  textUpTo,
  whole,
  type Check,
} from '../option.checks.js';
import { bulkRate } from '../operations/bulk.checks.js';
import type { DashboardGuard } from './access/access.options.js';
import { PERMISSIONS } from './access/operator.js';
import type { AccessSettings, DashboardSettings, RouteSettings } from './dashboard.settings.js';
import type { DashboardOptions } from './dashboard.options.js';

const MIN_PASSWORD_LENGTH = 16;
const HOUR_MS = 3_600_000;

const FORMS = `Write one of these:
- access: { guards: [YourGuard], identify: (request) => request.user && { id: request.user.email, can: ['look'] } }
- access: { basic: [{ name: 'alice', password: process.env.INBOX_PASSWORD, can: 'everything' }] }
- access: 'public-on-loopback', for development`;

const permissions: Check = (value, name) => {
  if (value === 'everything') return;
  if (!Array.isArray(value)) throw invalid(`Option "${name}" must be "everything" or a list of permissions.`);
  listOf(oneOf(...Object.keys(PERMISSIONS)))(value, name);
};

const password: Check = (value, name) => {
  text(value, name);
  if ((value as string).length < MIN_PASSWORD_LENGTH)
    throw invalid(`Option "${name}" has fewer than ${MIN_PASSWORD_LENGTH} characters. Use 32 random ones.`);
};

const operatorName: Check = (value, name) => {
  textUpTo(255)(value, name);
  if ((value as string).includes(':')) throw invalid(`Option "${name}" has a colon, which ends a name. Leave it out.`);
};

const basicFields = { name: operatorName, password, can: permissions, tenants: listOf(text) };

/** Each operator must have these. Without `can` the operator may do nothing, and without `password` everybody knows it. */
const basicOperator: Check = (value, name) => {
  fields(basicFields)(value, name);
  for (const field of ['name', 'password', 'can'] as const)
    basicFields[field]((value as Record<string, unknown>)[field], `${name}.${field}`);
};

export const guard: Check = (value, name) => {
  const isGuard =
    typeof value === 'function' || typeof (value as Partial<CanActivate> | undefined)?.canActivate === 'function';
  if (!isGuard) throw invalid(`Option "${name}" must be a guard: a class or an object with canActivate().`);
};

export const guards: Check = (value, name) => {
  if (value !== 'global') notEmpty(listOf(guard), 'Name a guard, or "global".')(value, name);
};

const origin: Check = (value, name) => {
  text(value, name);
  if (!URL.canParse(value as string) || new URL(value as string).origin !== value)
    throw invalid(`Option "${name}" must be an origin such as "https://ops.example.com".`);
};

/** Checks who is let in. Without an answer, nobody is, and the application does not start. */
export const access: Check = containing(['guards', 'identify', 'signIn', 'basic'], (value, name, known) => {
  if (value === undefined || value === null)
    throw new Cr3dentialsWebhookError(
      'DASHBOARD_OPEN',
      `Option "${name}" is missing: nobody could be told apart. ${FORMS}`,
    );
  if (value === 'public-on-loopback') return assertDevelopment(name);
  fields({
    guards,
    identify: callable,
    signIn: oneOf('bearer'),
    basic: notEmpty(listOf(basicOperator), 'Name an operator.'),
  })(value, name, known);
  const given = value as { basic?: unknown; identify?: unknown };
  const isBasic = given.basic !== undefined;
  if (isBasic !== (given.identify === undefined) || (isBasic && Object.keys(given).length > 1))
    throw new Cr3dentialsWebhookError('DASHBOARD_OPEN', `Option "${name}" is none of its forms. ${FORMS}`);
});

function assertDevelopment(name: string): void {
  if (process.env.NODE_ENV === 'production')
    throw new Cr3dentialsWebhookError(
      'DASHBOARD_OPEN',
      `Option "${name}" is "public-on-loopback" with NODE_ENV=production. ${FORMS}`,
    );
}

/** Options that may come from a factory. */
export const OPTIONS: Record<keyof DashboardOptions, Check> = {
  access,
  title: textUpTo(100),
  environment: textUpTo(30),
  mask: callable,
  maskReferences: boolean,
  reveal: fields({ perMinute: whole(1, 1_000), hideAfter: whole(1_000, HOUR_MS) }),
  links: listOf(fields({ label: textUpTo(100), href: callable })),
  bulk: fields({ rate: bulkRate, maxRate: whole(1, 1_000), pauseAt: share }),
  refresh: whole(500, HOUR_MS),
  limits: fields({
    scan: whole(100, 1_000_000),
    page: whole(1, 1_000),
    maxPage: whole(1, 1_000),
    timeout: whole(100, 60_000),
    queries: whole(1, 100),
  }),
  origins: listOf(origin),
  frameAncestors: listOf(origin),
};

/** Options that Nest needs before any provider exists. */
export const EXTRAS = {
  path: text,
  imports: listOf(anything),
  enabled: boolean,
  controllerDecorators: listOf(callable),
};

/**
 * Checks all options of `forRoot`.
 *
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`, `DASHBOARD_OPEN`
 */
export function checkOptions(given: object): void {
  fields({ ...OPTIONS, ...EXTRAS })(given, '');
  access((given as { access?: unknown }).access, 'access');
}

/**
 * Checks what a factory returned, and fills in the defaults.
 *
 * @param hasGuards true if the routes have guards, so that only `identify` is left to be given
 * @throws Cr3dentialsWebhookError `OPTIONS_INVALID`, `DASHBOARD_OPEN`
 */
export function dashboardSettings(given: unknown, hasGuards: boolean): DashboardSettings {
  fields(OPTIONS)(given, '', pathsOf(OPTIONS));
  const options = given as Omit<DashboardOptions, 'access'> & { access: AccessSettings };
  access(options.access, 'access');
  const isIdentified = typeof options.access === 'object' && 'identify' in options.access;
  if (isIdentified !== hasGuards)
    throw new Cr3dentialsWebhookError(
      'DASHBOARD_OPEN',
      `Option "access" has ${isIdentified ? '"identify" without "guards"' : '"guards" without "identify"'}. ${FORMS}`,
    );
  return withDefaults(options);
}

function withDefaults(options: Omit<DashboardOptions, 'access'> & { access: AccessSettings }): DashboardSettings {
  const { reveal, limits } = options;
  const page = limits?.page ?? 50;
  return {
    access: options.access,
    title: options.title ?? 'Webhook inbox',
    environment: options.environment ?? null,
    mask: options.mask,
    maskReferences: options.maskReferences ?? false,
    reveal: { perMinute: reveal?.perMinute ?? 20, hideAfter: reveal?.hideAfter ?? 60_000 },
    links: options.links ?? [],
    bulk: bulkSettings(options.bulk),
    refresh: options.refresh ?? 2_000,
    limits: {
      scan: limits?.scan,
      page,
      maxPage: Math.max(page, limits?.maxPage ?? 200),
      timeout: limits?.timeout ?? 5_000,
      queries: limits?.queries ?? 2,
    },
    origins: options.origins ?? [],
    frameAncestors: options.frameAncestors ?? [],
  };
}

/** No operation could be started at a rate above the most. */
function bulkSettings({ rate, maxRate = 500, pauseAt = 0.2 }: DashboardOptions['bulk'] & object = {}) {
  if (rate !== undefined && rate > maxRate)
    throw invalid(`Option "bulk.rate" is above "bulk.maxRate", which is ${maxRate}. Lower it, or raise the other.`);
  return { rate: rate ?? Math.min(20, maxRate), maxRate, pauseAt };
}

/** Returns what the routes need. */
export function routeSettings(given: {
  path?: string | undefined;
  guards?: readonly DashboardGuard[] | 'global' | undefined;
  signIn?: 'bearer' | undefined;
  controllerDecorators?: readonly ClassDecorator[] | undefined;
}): RouteSettings {
  const path = (given.path ?? 'webhook-inbox').replaceAll(/^\/+|\/+$/g, '');
  if (path === '' || /[:*(){}?]/.test(path))
    throw invalid('Option "path" must be a path such as "ops/inbox", without parameters.');
  return {
    path: `/${path}`,
    guards: given.guards === 'global' ? [] : (given.guards ?? []),
    isGlobal: given.guards === 'global',
    signsInWithToken: given.signIn === 'bearer',
    controllerDecorators: given.controllerDecorators ?? [],
  };
}
