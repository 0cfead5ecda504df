import { describe, expect, it } from '@jest/globals';
import { OnVerification, VerificationErrored, type OnVerificationOptions } from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';

const host = freshHost('sqlite');

function withOptions(options: unknown): new () => object {
  class Reports {
    @OnVerification({ id: 'reports.render', ...(options as OnVerificationOptions) })
    render(): void {}
  }
  return Reports;
}

class TwoDecorators {
  @OnVerification({ id: 'reports.render', concurrency: 2 })
  @OnVerification(VerificationErrored, { id: 'reports.render', concurrency: 3 })
  render(): void {}
}

class TwoEqualDecorators {
  @OnVerification({ id: 'reports.render', concurrency: 2, rateLimit: { max: 1, per: 1_000 } })
  @OnVerification(VerificationErrored, { id: 'reports.render', rateLimit: { max: 1, per: 1_000 }, concurrency: 2 })
  render(): void {}
}

const boot = (handler: new () => object) => host.start((a) => a.withHandlers(handler));

describe('limits of a handler', () => {
  it.each([
    ['a name that is misspelt', { concurency: 2 }, 'Unknown option "concurency". Did you mean "concurrency"?'],
    ['no room for any run', { concurrency: 0 }, 'Option "concurrency" must be a whole number from 1 to'],
    ['a rate without its time', { rateLimit: { max: 5 } }, 'Option "rateLimit.per" must be a whole number from 1 to'],
    ['a rate without its number', { rateLimit: { per: 5 } }, 'Option "rateLimit.max" must be a whole number from 1 to'],
    ['a timeout that is text', { timeout: '5s' }, 'Option "timeout" must be a whole number from 1 to'],
    ['a priority of zero', { priority: 0 }, 'Option "priority" must be a whole number from 1 to 2097152'],
    [
      'a retry function that cannot answer at once',
      { retry: async () => 5 },
      'Option "retry" is of the kind AsyncFunction',
    ],
    ['an unknown field of its policy', { retry: { attempt: 5 } }, 'Unknown option "retry.attempt". Did you mean'],
    [
      'delays of its policy that contradict the common ones',
      { retry: { initialDelay: 60_000 } },
      'Option "retry.initialDelay" is longer than "retry.maxDelay". Raise "retry.maxDelay".',
    ],
    ['an id that is no text', { id: 7 }, 'Option "id" must be a string that is not empty, not a value of type number.'],
  ])('stop the boot when they have %s, and name the method', async (_, options, message) => {
    await expect(boot(withOptions(options))).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringContaining(`@OnVerification of Reports.render: ${message}`),
    });
  });

  it('stop the boot when two decorators of one handler differ', async () => {
    await expect(boot(TwoDecorators)).rejects.toMatchObject({
      code: 'HANDLER_INVALID',
      message: expect.stringContaining('Two decorators of the handler "reports.render" give it different options.'),
    });
    await boot(TwoEqualDecorators);
  });

  it('warn at boot of a timeout that looks like seconds, and not of the common one', async () => {
    const app = await boot(withOptions({ timeout: 30 }));
    expect(app.logger.matching(/^WARN Option "timeout" of the handler "reports.render" is 30 ms/)).toHaveLength(1);
    const other = await host.start((a) =>
      a.withHandlers(withOptions({ concurrency: 2 })).withOptions({ processing: { handlerTimeout: 60 } }),
    );
    expect(other.logger.matching(/is 60 ms\. Durations/)).toHaveLength(1);
  });
});
