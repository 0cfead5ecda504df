import { describe, expect, it } from '@jest/globals';
import { EventEmitterModule } from '@nestjs/event-emitter';
import {
  Cr3dentialsWebhookError,
  Cr3dentialsWebhookModule,
  type Cr3dentialsWebhookOptions,
} from 'nestjs-cr3dentials-webhook';
import { freshHost } from '../../support/app/fresh-host.js';
import { payload } from '../../support/app/payload.js';
import { JSON_TYPE, rawPost } from '../../support/http/raw-post.js';

const NOT_SET = process.env.CR3D_NEVER_SET;

/** What a host may write by accident, each time believing that somebody is kept out. */
const accidents: readonly (readonly [name: string, auth: unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['an empty text', ''],
  ['“None”', 'None'],
  ['“NONE”', 'NONE'],
  ['“none ”', 'none '],
  ['“ none”', ' none'],
  ['“nоne” with a letter of another alphabet', 'nоne'],
  ['“off”', 'off'],
  ['“none” in an object of its own', Object('none')],
  ['“none” in a list', ['none']],
  ['“none” as the secrets', { secrets: 'none' }],
  ['“none” as the resolver', { resolveSecrets: 'none' }],
  ['“none” as a mode', { mode: 'none' }],
  ['false', false],
  ['true', true],
  ['0', 0],
  ['an empty object', {}],
  ['an empty list', []],
  ['a function', () => 'none'],
  ['only a header', { header: 'X-API-Key' }],
  ['secrets that are undefined', { secrets: undefined }],
  ['secrets that are null', { secrets: null }],
  ['no secrets', { secrets: [] }],
  ['a place without a secret', { secrets: Array.from({ length: 1 }) }],
  ['a hole in place of a secret', { secrets: Array(1) }],
  ['a secret whose variable is not set', { secrets: [NOT_SET] }],
  ['a secret whose variable is not set, behind a good one', { secrets: ['a-good-one-of-some-length', NOT_SET] }],
  ['a named secret whose variable is not set', { secrets: [{ id: 'new', value: NOT_SET }] }],
  ['an empty secret', { secrets: [''] }],
  ['an empty secret with a name', { secrets: [{ id: 'new', value: '' }] }],
  ['a blank secret', { secrets: [' '] }],
  ['a list of no secrets in the list', { secrets: [[]] }],
  ['a resolver that is undefined', { resolveSecrets: undefined }],
  ['a resolver that is null', { resolveSecrets: null }],
  ['a resolver beside secrets', { secrets: ['a-good-one-of-some-length'], resolveSecrets: () => undefined }],
  ['a misspelt word', { secert: ['a-good-one-of-some-length'] }],
];

/** A message that names the option and says what to do. */
const REMEDY = /options? "auth[."].*(Pass|Keep|Set|Use|Did you mean|Known are|must be)/i;

const asOptions = (auth: unknown) => ({ auth }) as Cr3dentialsWebhookOptions;
const modules = [
  ['forRoot', (auth: unknown) => Cr3dentialsWebhookModule.forRoot(asOptions(auth))],
  ['forRootAsync', (auth: unknown) => Cr3dentialsWebhookModule.forRootAsync({ useFactory: () => asOptions(auth) })],
] as const;

describe.each(modules)('a host whose auth option is empty or wrong by accident, with %s', (_, module) => {
  const host = freshHost('sqlite');

  const boot = async (auth: unknown): Promise<unknown> =>
    host
      .start((builder) => builder.withModule(module(auth)))
      .then(
        () => 'booted',
        (error: unknown) => error,
      );

  it.each(accidents)('does not boot with %s, and the error names the remedy', async (_name, auth) => {
    const error = await boot(auth);
    expect(error).toBeInstanceOf(Cr3dentialsWebhookError);
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID', message: expect.stringMatching(REMEDY) });
  });

  it('boots with auth "none", and warns at every boot', async () => {
    for (const time of ['first', 'second']) {
      const app = await host.start((builder) => builder.withModule(module('none')));
      expect([time, app.logger.matching(/^WARN auth is "none": everyone/)]).toEqual([time, [expect.any(String)]]);
      const answer = await rawPost(app.url, { content: JSON.stringify(payload()), headers: [JSON_TYPE] });
      expect(answer.status).toBe(200);
      await host.stop(app);
    }
  });
});

describe('a host without an auth option', () => {
  const host = freshHost('sqlite');

  it('does not boot without "auth"', async () => {
    const boot = host.start((builder) =>
      builder.withModule(Cr3dentialsWebhookModule.forRoot({} as Cr3dentialsWebhookOptions)),
    );
    await expect(boot).rejects.toThrow(/^Option "auth" is missing\. Pass { secrets/);
  });

  it('does not boot when the factory returns no options', async () => {
    const importing = Cr3dentialsWebhookModule.forRootAsync({ useFactory: () => undefined as never });
    const boot = host.start((builder) => builder.importing(EventEmitterModule.forRoot()).withModule(importing));
    await expect(boot).rejects.toThrow(/^The options must be an object\. Pass { auth/);
  });
});
