import { beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { root, typeCheck, type TypeCheck } from '../support/sources/type-check.js';

/** What every fixture begins with. */
const PRELUDE = `
import { Injectable, Module } from '@nestjs/common';
import { map, of } from 'rxjs';
import {
  Cr3dentialsWebhookModule, OnVerification, PermanentError, RetryAfterError, VerificationCancelled,
  VerificationCompleted, VerificationErrored, VerificationPartiallyCompleted, VerificationTerminated,
  type Cr3dentialsWebhookInbox, type Cr3dentialsWebhookOptions, type HandlerContext, type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
interface Bank { accountHolder: string; balance: { amount: number } }
interface Payroll { employer: string }
class BankAccount { accountHolder!: string; balance!: { amount: number } }
class Environment { secret = 'a-secret-of-more-than-16-characters' }
declare const inbox: Cr3dentialsWebhookInbox;
export {};
`;
const SETUP = PRELUDE.split('\n').length - 1;

const handler = (code: string) => `class Handlers {\n${code}\n}`;
const rootOptions = (code: string) => `Cr3dentialsWebhookModule.forRoot(${code});`;
const asyncOptions = (code: string) => `Cr3dentialsWebhookModule.forRootAsync(${code});`;

const compile: Record<string, string> = {
  'a handler of one class': handler('@OnVerification(VerificationCompleted) on(event: VerificationCompleted) {}'),
  'a handler that knows its data': handler(
    '@OnVerification(VerificationCompleted) on({ extractedData }: VerificationCompleted<Bank>) { const n: number | undefined = extractedData?.balance.amount; return n; }',
  ),
  'a handler of one class, with the data in the decorator': handler(
    '@OnVerification(VerificationCompleted<Bank>) on({ extractedData }: VerificationCompleted<Bank>) { const n: number | undefined = extractedData?.balance.amount; return n; }',
  ),
  'a handler of several classes, with the data in the decorator': handler(
    `@OnVerification(VerificationCompleted<Bank>, VerificationPartiallyCompleted<Payroll>, { id: 'a', transactional: true })
     on(event: VerificationCompleted<Bank> | VerificationPartiallyCompleted<Payroll>) {}`,
  ),
  'a handler of several classes': handler(
    '@OnVerification(VerificationErrored, VerificationCancelled) on(event: VerificationErrored | VerificationCancelled) {}',
  ),
  'a handler of several classes, each with data of its own': handler(
    '@OnVerification(VerificationCompleted, VerificationPartiallyCompleted) on(event: VerificationCompleted<Bank> | VerificationPartiallyCompleted<Payroll>) {}',
  ),
  'a handler of all classes': handler('@OnVerification() on(event: VerificationEvent) {}'),
  'a handler of all classes that knows its data': handler('@OnVerification() on(event: VerificationEvent<Bank>) {}'),
  'a handler that takes more than it subscribed to': handler(
    '@OnVerification(VerificationErrored) on(event: VerificationEvent) {}',
  ),
  'a handler that takes what the classes have in common': handler(
    '@OnVerification() on({ sessionId, completedAt }: { sessionId: string; completedAt: Date | null }) {}',
  ),
  'a handler without parameters': handler('@OnVerification(VerificationErrored) on() {}'),
  'handlers with limits of their own': handler(
    `@OnVerification(VerificationCompleted, {
      id: 'reports.render', timeout: 1, concurrency: 1, rateLimit: { max: 1, per: 1 }, priority: 1,
      retry: { attempts: 1 },
    }) render() {}
    @OnVerification({ retry: (attempt) => (attempt > 3 ? 'dead' : 1_000) }) retried() {}`,
  ),
  'an async handler with options and its context': handler(
    `@OnVerification(VerificationCompleted, { id: 'accounts.activate', transactional: true })
     async on({ sessionId }: VerificationCompleted, { manager, attempt, isReplay, signal, deliveryId }: HandlerContext) {
       await manager.query('UPDATE account SET session = ?', [sessionId, attempt + 1, isReplay, signal.aborted, deliveryId.length]);
     }`,
  ),
  'a handler with nothing but options': handler(`@OnVerification({ id: 'all' }) on(event: VerificationEvent) {}`),
  'a handler that returns a promise of anything': handler(
    '@OnVerification() on(event: VerificationEvent): Promise<unknown> { return Promise.resolve(event); }',
  ),
  'a handler that returns an Observable': handler(
    '@OnVerification() on() { return of({ id: 1 }).pipe(map(({ id }) => id)); }',
  ),
  'a handler that returns promises': handler('@OnVerification() on() { return [Promise.resolve(1), of(2)]; }'),
  'a handler that is an async generator': handler('@OnVerification() async *on() { yield 1; }'),
  'a handler that returns text or nothing': handler(
    '@OnVerification() on({ sessionId }: VerificationEvent): string | undefined { return sessionId || undefined; }',
  ),
  'a private handler': handler('@OnVerification() private on(event: VerificationEvent) {}'),
  'errors that steer': handler(
    `@OnVerification() on() { if (Math.random() > 0.5) throw new PermanentError('never', { cause: 1 }); throw new RetryAfterError(1_000); }`,
  ),
  'an event told apart by its status': `
    function read(event: VerificationEvent<Bank>): VerificationErrored<Bank> | string | undefined {
      if (event.status === 'ERROR') return event;
      if (event instanceof VerificationCompleted) return event.extractedData?.accountHolder;
      const rest: 'PARTIAL_COMPLETE' | 'CANCELLED' | 'TERMINATED' = event.status;
      return rest;
    }
    read;`,
  'the least of options': rootOptions(`{ auth: { secrets: [process.env.CR3D_WEBHOOK_SECRET] } }`),
  'all of the options': rootOptions(`{
    path: ['webhook/:tenant', 'webhook'], dataSource: 'inbox', controllerDecorators: [Injectable()], isGlobal: true,
    auth: { header: 'X-API-Key', secrets: ['one', { value: 'two', id: 'old', notAfter: new Date() }] },
    receiving: { ackTimeout: 1, maxQueued: 1 },
    processing: {
      enabled: true, concurrency: 1, handlerTimeout: 1, drainTimeout: 1, lease: 1_000, pollInterval: 100,
      retry: { attempts: 1, initialDelay: 1, maxDelay: 1, factor: 2, jitter: 'none' },
    },
  }`),
  'a class per platform': rootOptions(`{ auth: 'none', platforms: { 1: BankAccount, 2.5: Environment } }`),
  'a handler of a platform that has a class': handler(
    '@OnVerification(VerificationCompleted) on({ extractedData }: VerificationCompleted<BankAccount>) { const n: number | undefined = extractedData?.balance.amount; return n; }',
  ),
  'data told apart by its class': handler(
    `@OnVerification() on({ extractedData }: VerificationEvent) {
       if (extractedData instanceof BankAccount) { const n: number = extractedData.balance.amount; return n; }
       const other: unknown = extractedData?.balance;
       return void other;
     }`,
  ),
  'data that is of one class or another': handler(
    `@OnVerification(VerificationCompleted) on({ extractedData }: VerificationCompleted<BankAccount | Environment>) {
       return extractedData instanceof BankAccount ? extractedData.accountHolder : extractedData?.secret;
     }`,
  ),
  'secrets that are resolved': rootOptions(
    `{ auth: { resolveSecrets: async ({ params }) => (params.tenant ? { tenant: params.tenant, secrets: ['s'] } : undefined) } }`,
  ),
  'no authentication, if it is said': rootOptions(`{ auth: 'none' }`),
  'a retry function': rootOptions(
    `{ auth: 'none', processing: { retry: (attempt, error) => (attempt > 3 || error instanceof TypeError ? 'dead' : attempt * 10) } }`,
  ),
  'options from a factory': asyncOptions(
    `{ path: 'hook', inject: [Environment], useFactory: ({ secret }: Environment) => ({ auth: { secrets: [secret] } }) }`,
  ),
  'options from a class': `
    class Options { createCr3dentialsWebhookOptions(): Cr3dentialsWebhookOptions { return { auth: 'none', platforms: { 1: BankAccount } }; } }
    ${asyncOptions('{ useClass: Options, isGlobal: true }')}`,
  'what operators ask': `
    const answer: Promise<'replayed' | 'busy' | 'completed' | 'purged' | 'erased' | 'unknown'> = inbox.replay('id', { handlers: ['a'] });
    const done: Promise<number> = inbox.replayAll({ state: 'dead', receivedBetween: [0, new Date()] }).then(({ replayed }) => replayed);
    async function first() { for await (const { id } of inbox.each({ state: 'dead' })) return id; return undefined; }
    first; done; answer; inbox.find({ sessionId: 's', tenant: 't' }).then((delivery) => delivery?.runs[0]?.lastError);`,
};

/** Each with what the compiler says of it. */
const refuse: Record<string, [code: string, says: RegExp]> = {
  'a handler of another class': [
    handler('@OnVerification(VerificationCompleted) on(event: VerificationErrored) {}'),
    /not assignable/,
  ],
  'other data than the decorator names': [
    handler('@OnVerification(VerificationCompleted<Bank>) on(event: VerificationCompleted<Payroll>) {}'),
    /not assignable/,
  ],
  'another class than the decorator names, with data': [
    handler('@OnVerification(VerificationCompleted<Bank>) on(event: VerificationErrored<Bank>) {}'),
    /not assignable/,
  ],
  'a handler that takes less than it subscribed to': [
    handler('@OnVerification(VerificationCompleted, VerificationErrored) on(event: VerificationCompleted) {}'),
    /not assignable/,
  ],
  'a wrong class in a union': [
    handler(
      '@OnVerification(VerificationErrored, VerificationCancelled) on(event: VerificationErrored | VerificationTerminated) {}',
    ),
    /not assignable/,
  ],
  'one class for all of them': [handler('@OnVerification() on(event: VerificationCompleted) {}'), /not assignable/],
  'one class for all of them, with options': [
    handler(`@OnVerification({ id: 'all' }) on(event: VerificationCompleted) {}`),
    /not assignable/,
  ],
  'an event of no class': [handler('@OnVerification(VerificationCompleted) on(event: string) {}'), /not assignable/],
  'a field that the event has not': [
    handler('@OnVerification(VerificationCompleted) on(event: { sessionID: string }) {}'),
    /not assignable/,
  ],
  'a string for a date': [
    handler('@OnVerification(VerificationCompleted) on(event: { completedAt: string }) {}'),
    /not assignable/,
  ],
  'a handler that returns what nobody awaits': [
    handler('@OnVerification() on() { return { subscribe: () => {} }; }'),
    /not assignable/,
  ],
  'a handler that returns anything': [
    handler('@OnVerification() on({ extractedData }: VerificationEvent): unknown { return extractedData; }'),
    /not assignable/,
  ],
  'a handler that returns a function': [
    handler('@OnVerification() on() { return () => Promise.resolve(); }'),
    /not assignable/,
  ],
  'a transactional handler without an id': [
    handler('@OnVerification({ transactional: true }) on() {}'),
    /No overload matches|not assignable/,
  ],
  'a third parameter': [
    handler('@OnVerification() on(event: VerificationEvent, context: HandlerContext, more: string) {}'),
    /not assignable/,
  ],
  'another second parameter': [
    handler('@OnVerification() on(event: VerificationEvent, transaction: { rollback(): void }) {}'),
    /not assignable/,
  ],
  'a field that the context has not': [
    handler('@OnVerification() on(event: VerificationEvent, { transaction }: HandlerContext) { return transaction; }'),
    /Property 'transaction' does not exist/,
  ],
  'a context that is written to': [
    handler('@OnVerification() on(event: VerificationEvent, context: HandlerContext) { context.attempt = 1; }'),
    /read-only/,
  ],
  'an event that is written to': [
    handler('@OnVerification(VerificationCompleted) on(event: VerificationCompleted) { event.sessionId = ""; }'),
    /read-only/,
  ],
  'data that may be null': [
    handler(
      '@OnVerification(VerificationCompleted) on(event: VerificationCompleted<Bank>) { return event.extractedData.balance; }',
    ),
    /possibly 'null'/,
  ],
  'data that is no object': [
    handler('@OnVerification(VerificationCompleted) on(event: VerificationCompleted<string>) {}'),
    /does not satisfy the constraint 'object'/,
  ],
  'a property that is no method': [handler('@OnVerification() on = (event: VerificationEvent) => event;'), /signature/],
  'a class that is no event': [handler('@OnVerification(Environment) on() {}'), /No overload matches/],
  'an unknown handler option': [
    handler('@OnVerification(VerificationCompleted, { transaction: true }) on() {}'),
    /No overload matches|does not exist in type/,
  ],
  'an ill-typed handler option': [
    handler('@OnVerification(VerificationCompleted, { id: 7 }) on() {}'),
    /No overload matches|not assignable/,
  ],
  'a rate limit without its time': [
    handler('@OnVerification({ rateLimit: { max: 5 } }) on() {}'),
    /No overload matches|not assignable/,
  ],
  'options before the class': [
    handler(`@OnVerification({ id: 'x' }, VerificationCompleted) on() {}`),
    /No overload matches|Expected|not assignable/,
  ],
  'no options': [rootOptions(''), /Expected 1 arguments/],
  'no authentication, unsaid': [rootOptions('{}'), /Property 'auth' is missing/],
  'authentication of no kind': [rootOptions(`{ auth: {} }`), /not assignable/],
  'authentication of another name': [rootOptions(`{ auth: 'off' }`), /not assignable/],
  'secrets that are both listed and resolved': [
    rootOptions(`{ auth: { secrets: ['s'], resolveSecrets: () => undefined } }`),
    /not assignable/,
  ],
  'a secret that is no text': [rootOptions(`{ auth: { secrets: [7] } }`), /not assignable/],
  'a tenant that is no text': [
    rootOptions(`{ auth: { resolveSecrets: () => ({ tenant: 7, secrets: [] }) } }`),
    /not assignable/,
  ],
  'secrets that are not said': [rootOptions(`{ auth: { header: 'X-API-Key' } }`), /not assignable/],
  'a platform that has a name': [rootOptions(`{ auth: 'none', platforms: { one: BankAccount } }`), /known properties/],
  'a platform without a class': [rootOptions(`{ auth: 'none', platforms: { 1: 'BankAccount' } }`), /not assignable/],
  'a platform with an instance': [rootOptions(`{ auth: 'none', platforms: { 1: new Environment() } }`), /missing/],
  'a field that the class of a platform has not': [
    handler(
      '@OnVerification(VerificationCompleted) on({ extractedData }: VerificationCompleted<BankAccount>) { return extractedData?.iban; }',
    ),
    /Property 'iban' does not exist/,
  ],
  'a field of a class before it is told apart': [
    handler(
      '@OnVerification() on({ extractedData }: VerificationEvent) { const n: number = extractedData.balance.amount; return n; }',
    ),
    /possibly 'null'|of type 'unknown'/,
  ],
  'an unknown option': [
    rootOptions(`{ auth: 'none', ackTimeout: 1 }`),
    /does not exist in type|may only specify known/,
  ],
  'an unknown option inside another': [
    rootOptions(`{ auth: 'none', receiving: { every: 1 } }`),
    /may only specify known/,
  ],
  'an ill-typed option': [rootOptions(`{ auth: 'none', processing: { concurrency: '1' } }`), /not assignable/],
  'a retry function that answers neither': [
    rootOptions(`{ auth: 'none', processing: { retry: () => 'bury' } }`),
    /not assignable/,
  ],
  'a retry function that promises': [
    rootOptions(`{ auth: 'none', processing: { retry: async () => 1 } }`),
    /not assignable/,
  ],
  'a factory without authentication': [asyncOptions('{ useFactory: () => ({}) }'), /not assignable/],
  'a class that makes no options': [asyncOptions('{ useClass: Environment }'), /not assignable/],
  'a replay of all, unsaid': [`inbox.replayAll({});`, /Property 'state' is missing/],
  'a replay of all by an unknown condition': [`inbox.replayAll({ state: 'dead', handlr: 'a' });`, /known properties/],
  'a discard of what a worker has': [`inbox.discardAll({ state: 'processing' });`, /not assignable/],
  'a replay of one name that is no list': [`inbox.replay('id', { handlers: 'a' });`, /not assignable/],
};

const fileOf = (name: string) => join(root, 'test/packaging', `${name.replaceAll(/\W+/g, '-')}.fixture.ts`);
let check: TypeCheck;

describe('what hosts write', () => {
  beforeAll(() => {
    const files = new Map<string, string>();
    for (const [name, code] of Object.entries(compile)) files.set(fileOf(name), PRELUDE + code);
    for (const [name, [code]] of Object.entries(refuse)) files.set(fileOf(name), PRELUDE + code);
    check = typeCheck(files);
  }, 60_000);

  it.each(Object.keys(compile))('compiles: %s', (name) => {
    expect(check.problems(fileOf(name))).toEqual([]);
  });

  it.each(Object.entries(refuse).map(([name, [, says]]) => [name, says] as const))(
    'does not compile: %s',
    (name, says) => {
      const found = check.problems(fileOf(name));

      expect(found).not.toEqual([]);
      expect(found.every(({ line }) => line >= SETUP)).toBe(true);
      expect(found.map(({ message }) => message).join('\n')).toMatch(says);
    },
  );
});
