import { describe, expect, it } from '@jest/globals';
import { Inject, Injectable, Module, Scope } from '@nestjs/common';
import { LazyModuleLoader, REQUEST } from '@nestjs/core';
import {
  OnVerification,
  VerificationCompleted,
  VerificationErrored,
  type VerificationEvent,
} from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

/** Who was called, in the order of the calls. */
class Journal {
  readonly entries: string[] = [];
}

/** Replaces the method by another that calls it, as decorators for logging, tracing and retries do. */
function Wrapped(): MethodDecorator {
  return (_, __, descriptor: PropertyDescriptor) => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = function (this: { journal: Journal }, ...args: unknown[]) {
      this.journal.entries.push('wrapper');
      return original.apply(this, args);
    };
  };
}

@Injectable()
class Base {
  constructor(readonly journal: Journal) {}

  @OnVerification(VerificationCompleted, { id: 'accounts' })
  handle(): void {
    this.journal.entries.push('base');
  }
}

@Injectable()
class WrappedOutside {
  constructor(readonly journal: Journal) {}

  @Wrapped()
  @OnVerification({ id: 'wrapped' })
  handle(): void {
    this.journal.entries.push('handler');
  }
}

@Injectable()
class Override extends Base {
  override handle(): void {
    this.journal.entries.push('override');
  }
}

@Injectable()
class OverrideForAnother extends Base {
  @OnVerification(VerificationErrored, { id: 'errors' })
  override handle(): void {
    this.journal.entries.push('errored');
  }
}

@Injectable()
class Several {
  constructor(readonly journal: Journal) {}

  @OnVerification(VerificationCompleted, { id: 'one' })
  @OnVerification(VerificationErrored, { id: 'other' })
  handle({ status }: VerificationEvent): void {
    this.journal.entries.push(status);
  }
}

@Injectable()
class SeveralOfOneId {
  constructor(readonly journal: Journal) {}

  @OnVerification(VerificationCompleted)
  @OnVerification(VerificationErrored)
  @OnVerification(VerificationErrored)
  handle({ status }: VerificationEvent): void {
    this.journal.entries.push(status);
  }
}

const NAME = Symbol('handle');

@Injectable()
class NamedByASymbol {
  constructor(readonly journal: Journal) {}

  @OnVerification()
  [NAME](): void {
    this.journal.entries.push('symbol');
  }
}

class Static {
  @OnVerification()
  static handle(): void {}

  other(): void {}
}

class InheritsStatic extends Static {}

class TransactionalWithoutId {
  // @ts-expect-error The compiler refuses it too.
  @OnVerification({ transactional: true })
  handle(): void {}
}

class MyCompleted<D extends object = Record<string, unknown>> extends VerificationCompleted<D> {}

class OfAnotherClass {
  @OnVerification(MyCompleted)
  handle(): void {}
}

/** As it could be taken for another class by the next build. */
/** As a bundler names it. */
function named(name: string): new (journal: Journal) => object {
  @Injectable()
  class Renamed extends Base {
    @OnVerification()
    override handle(): void {
      this.journal.entries.push(name);
    }
  }
  Object.defineProperty(Renamed, 'name', { value: name });
  return Renamed;
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  constructor(
    readonly journal: Journal,
    @Inject(REQUEST) readonly request: unknown,
  ) {}

  @OnVerification({ id: 'per-request' })
  handle(): void {
    this.journal.entries.push(`request ${typeof this.request}`);
  }
}

const host = freshHost('sqlite');

async function entriesOf(app: WebhookApp, status = 'COMPLETED', state = 'completed'): Promise<string[]> {
  const body = payload({ status });
  await app.post(body);
  await app.delivery(body.sessionId, state);
  return app.nest.get(Journal).entries;
}

function boot(...providers: Parameters<ReturnType<typeof Object.values>['push']>): Promise<WebhookApp> {
  return host.start((a) => a.withHandlers(Journal, ...(providers as never[])));
}

describe('a subscription that is written', () => {
  it('is one when another decorator has replaced the method', async () => {
    expect(await entriesOf(await boot(WrappedOutside))).toEqual(['wrapper', 'handler']);
  });

  it('is one when a subclass overrides the method', async () => {
    expect(await entriesOf(await boot(Override))).toEqual(['override']);
  });

  it('is that of the subclass when it has a decorator of its own', async () => {
    const app = await boot(OverrideForAnother);
    expect(await entriesOf(app, 'COMPLETED', 'unhandled')).toEqual([]);
    expect(await entriesOf(app, 'ERROR')).toEqual(['errored']);
  });

  it('is one for each decorator of a method', async () => {
    const app = await boot(Several);
    await entriesOf(app);
    expect(await entriesOf(app, 'ERROR')).toEqual(['COMPLETED', 'ERROR']);
    const summary = await until('it has started', () => app.logger.matching(/Handlers by status/)[0]);
    expect(summary).toContain('COMPLETED → one; ERROR → other');
  });

  it('is one for several decorators of a method with one id', async () => {
    const app = await boot(SeveralOfOneId);
    await entriesOf(app);
    expect(await entriesOf(app, 'ERROR')).toEqual(['COMPLETED', 'ERROR']);
  });

  it('is one when the method is named by a symbol', async () => {
    expect(await entriesOf(await boot(NamedByASymbol))).toEqual(['symbol']);
  });

  it.each<[string, object]>([
    [
      'a value',
      {
        provide: Base,
        useValue: {
          handle() {
            journal.entries.push('double');
          },
        },
      },
    ],
    ['an alias', { provide: Base, useExisting: 'DOUBLE' }],
    ['what a factory makes for each request', { provide: Base, scope: Scope.REQUEST, useFactory: () => double }],
  ])('is one when the class is replaced by %s', async (_, replacement) => {
    journal.entries.length = 0;
    const app = await host.start((a) =>
      a.withHandlers(
        { provide: Journal, useValue: journal },
        { provide: 'DOUBLE', useValue: double },
        replacement as never,
      ),
    );
    expect(await entriesOf(app)).toEqual(['double']);
  });

  it('is one of a request-scoped provider that injects the request, of which there is none', async () => {
    expect(await entriesOf(await boot(PerRequest))).toEqual(['request undefined']);
  });

  it.each<[string, object, RegExp]>([
    ['is on a static method', Static, /^Static\.handle is static, so it would never be called\. Remove "static"\.$/],
    ['is on an inherited static method', InheritsStatic, /^Static\.handle is static/],
    [
      'is to a class without events',
      OfAnotherClass,
      /subscribed to the class "MyCompleted", of which there are no events/,
    ],
    [
      'is replaced by what has no such method',
      { provide: Base, useValue: {} },
      /^Base\.handle is subscribed.*Add the method/,
    ],
    [
      'is transactional and has no id',
      TransactionalWithoutId,
      /^TransactionalWithoutId\.handle is transactional and has no id\..*Name it/,
    ],
    ['is replaced by nothing', { provide: Base, useValue: null }, /^Base\.handle is subscribed.*Add the method/],
  ])('stops the boot when it %s', async (_, provider, message) => {
    await expect(boot(provider)).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringMatching(message),
    });
  });
});

const journal = new Journal();
const double = { handle: () => void journal.entries.push('double') };

describe('the default id of a handler', () => {
  it.each(['e', 'Xe', '_', ''])(
    'stops the boot when a bundler has shortened the name of its class to "%s"',
    async (name) => {
      await expect(boot(named(name))).rejects.toMatchObject({
        code: 'HANDLER_INVALID',
        message: expect.stringMatching(
          /^A bundler has shortened.* the handler "\w*\.handle" .*@OnVerification\(…, \{ id/,
        ),
      });
    },
  );

  it('stops the boot with that remedy when two classes have the same short name', async () => {
    await expect(boot(named('t'), named('t'))).rejects.toThrow(/^A bundler has shortened .*"t\.handle"/);
  });

  it.each(['Xet', 'accounts', '_Accounts', '$accounts', 'Accounts2'])(
    'is warned of when the name of its class looks minified: %s',
    async (name) => {
      const app = await boot(named(name));
      const warnings = app.logger.matching(
        /^WARN The handler ".*\.handle" has its id from a class name that looks minified/,
      );
      expect(warnings).toEqual([expect.stringContaining(`"${name}.handle"`)]);
    },
  );

  it.each(['Mail', 'Accounts', 'OAuth2Accounts', 'ÜberAccounts'])('is not warned of otherwise: %s', async (name) => {
    const app = await boot(named(name));
    expect(app.logger.matching(/looks minified/)).toEqual([]);
  });

  it('does not count for a handler that names its id', async () => {
    const app = await boot(SeveralOfOneId, Base);
    expect(app.logger.matching(/bundler/)).toEqual([]);
  });
});

describe('a module that is loaded lazily', () => {
  @Module({ providers: [Journal, Several] })
  class LazyModule {}

  @Module({ providers: [Journal, Base] })
  class SameIdModule {}

  it('has its handlers subscribed once it is loaded', async () => {
    const app = await boot(Base);
    const loaded = await app.nest.get(LazyModuleLoader).load(() => LazyModule);
    const body = payload({ status: 'ERROR' });
    await app.post(body);
    await app.delivery(body.sessionId, 'completed');

    expect(loaded.get(Journal).entries).toEqual(['ERROR']);
  });

  it('is refused when a handler of it has the id of another', async () => {
    const app = await boot(Base);
    await expect(app.nest.get(LazyModuleLoader).load(() => SameIdModule)).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringMatching(/^Base is provided twice, so its handler "accounts"/),
    });
    expect(await entriesOf(app)).toEqual(['base']);
  });
});
