import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
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
});
