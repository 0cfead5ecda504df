import { describe, expect, it } from '@jest/globals';
import { Injectable, Module, type DynamicModule } from '@nestjs/common';
import { OnVerification, VerificationCompleted } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { until } from '../../support/time/until.js';
import type { WebhookApp } from '../../support/app/webhook-app.js';

const host = freshHost('sqlite');

@Injectable()
class First {
  @OnVerification(VerificationCompleted, { id: 'accounts.activate' })
  activate(): void {}
}

@Injectable()
class Second {
  @OnVerification({ id: 'accounts.activate' })
  notify(): void {}
}

@Injectable()
class OneIdTwice extends First {
  @OnVerification({ id: 'accounts.activate' })
  notify(): void {}
}

function withId(id: string): new () => object {
  @Injectable()
  class Named {
    @OnVerification({ id })
    handle(): void {}
  }
  return Named;
}

function sameName(): new () => object {
  @Injectable()
  class Accounts {
    @OnVerification()
    activate(): void {}
  }
  return Accounts;
}

function boot(...handlers: (new () => object)[]): Promise<WebhookApp> {
  return host.start((a) => a.withHandlers(...handlers));
}

describe('handler ids', () => {
  it('stop the boot when two are equal, with the remedy', async () => {
    await expect(boot(First, Second)).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringMatching(
        /Two handlers have the id "accounts\.activate".*@OnVerification\(…, \{ id: '…' \}\)/,
      ),
    });
  });

  it('stop the boot when two methods of one class have the same', async () => {
    await expect(boot(OneIdTwice)).rejects.toThrow(/^Two handlers have the id "accounts\.activate"/);
  });

  it('stop the boot when two classes of the same name use the default', async () => {
    await expect(boot(sameName(), sameName())).rejects.toThrow(/Two handlers have the id "Accounts\.activate"/);
  });

  it.each([
    ['empty', ''],
    ['longer than the column', 'x'.repeat(256)],
    ['not storable', 'a\0b'],
    ['half a character', 'a\uD800'],
  ])('stop the boot when one is %s', async (_, id) => {
    await expect(boot(withId(id))).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringContaining('must be text of 1 to 255 characters'),
    });
  });

  it('may be as long as the column', async () => {
    const app = await boot(withId('x'.repeat(255)));

    const summedUp = await until('the boot has been summed up', () => app.logger.matching(/Handlers by status: /)[0]);
    expect(summedUp).toMatch(/COMPLETED → x{255}; /);
  });

  @Module({ providers: [First], exports: [First] })
  class AccountsModule {}

  @Module({ imports: [AccountsModule], providers: [First] })
  class BillingModule {}

  @Module({ imports: [AccountsModule] })
  class ImportingModule {}

  @Module({})
  class ConfiguredModule {
    static with(setting: number): DynamicModule {
      return { module: ConfiguredModule, providers: [First, { provide: 'SETTING', useValue: setting }] };
    }
  }

  const PROVIDED_TWICE =
    'First is provided twice, so its handler "accounts.activate" would run twice. Provide it in one module, export it there, and import that module.';

  it.each([
    ['is in the providers of two modules', [AccountsModule, BillingModule]],
    ['is in a module that is imported twice with other settings', [ConfiguredModule.with(1), ConfiguredModule.with(2)]],
  ])('stop the boot when one class %s, with the remedy', async (_, modules) => {
    const starting = host.start((a) => a.importing(...modules));
    await expect(starting).rejects.toMatchObject({ code: 'HANDLER_INVALID', message: PROVIDED_TWICE });
  });

  it('are one where the class is exported and its module imported', async () => {
    const app = await host.start((a) => a.importing(AccountsModule, ImportingModule));
    const summedUp = await until('the boot has been summed up', () => app.logger.matching(/Handlers by status: /)[0]);
    expect(summedUp).toMatch(/COMPLETED → accounts\.activate[^,]/);
  });
});
