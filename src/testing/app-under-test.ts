import type { INestApplication } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { AUTH_SETTINGS, type AuthSettings } from '../authentication/auth.options.js';
import { ExtractedDataValidator } from '../contract/extracted-data.validator.js';
import { Cr3dentialsWebhookError } from '../cr3dentials-webhook.error.js';
import { HTTP_SETTINGS, type HttpSettings } from '../http/http.options.js';
import { Cr3dentialsWebhookInbox } from '../operations/cr3dentials-webhook.inbox.js';

/** The app under test, with the route and the header that its own options name. */
export class AppUnderTest {
  readonly inbox: Cr3dentialsWebhookInbox;
  /** Validates `extractedData` as the app does. */
  readonly dataValidator: ExtractedDataValidator;
  /** Name of the header that carries the secret. */
  readonly header: string;
  #listening?: Promise<string>;

  /** @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when the app does not import the module */
  constructor(private readonly app: INestApplication) {
    this.inbox = this.#provided(Cr3dentialsWebhookInbox);
    this.dataValidator = this.#provided(ExtractedDataValidator);
    this.header = this.#provided<AuthSettings>(AUTH_SETTINGS).header;
  }

  /**
   * Returns the only route of the module.
   *
   * @throws Cr3dentialsWebhookError `OPTIONS_INVALID` when there are several routes, or one with parameters
   */
  get path(): string {
    const { receive, paths } = this.#provided<HttpSettings>(HTTP_SETTINGS);
    if (!receive)
      throw new Cr3dentialsWebhookError(
        'OPTIONS_INVALID',
        'This app does not receive webhooks: its option "receive" is false. Set it to true in tests.',
      );
    const [first = ''] = paths;
    if (paths.length === 1 && !/[:*{]/.test(first)) return first;
    throw new Cr3dentialsWebhookError(
      'OPTIONS_INVALID',
      `This app has the webhook routes ${paths.join(', ')}. Pass the route to test as "path", with its parameters filled in.`,
    );
  }

  /** Resolves to the URL of the app. If the app does not listen yet, makes it listen on a free port of 127.0.0.1. */
  url(): Promise<string> {
    this.#listening ??= this.#listen();
    return this.#listening;
  }

  async #listen(): Promise<string> {
    const server = this.app.getHttpServer() as Server;
    if (!server.listening) await this.app.listen(0, '127.0.0.1');
    const { address, family, port } = server.address() as AddressInfo;
    const protocol = server instanceof TlsServer ? 'https' : 'http';
    return `${protocol}://${reachable(address, family)}:${port}`;
  }

  #provided<T>(token: symbol | (abstract new (...args: never[]) => T)): T {
    const moduleRef = this.app.get(ModuleRef); // `app.get()` may end the process when it does not find a provider
    try {
      return moduleRef.get<T>(token as symbol, { strict: false });
    } catch (error) {
      throw new Cr3dentialsWebhookError(
        'OPTIONS_INVALID',
        'This app does not import Cr3dentialsWebhookModule, or it imports another copy of the package. Import the module with forRoot(…), and install the package only once.',
        { cause: error },
      );
    }
  }
}

/**
 * Returns an address that accepts requests. An app that listens on all addresses has a wildcard address, such as
 * `0.0.0.0`.
 */
function reachable(address: string, family: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  if (address === '::') return '[::1]';
  return family === 'IPv6' ? `[${address}]` : address;
}
