import { Inject, Injectable } from '@nestjs/common';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import page from '#dashboard-page';
import { queryOf, type HostRequest } from './access/host.request.js';
import { notFound } from './api/dashboard.exception.js';
import { Answer } from './dashboard.responder.js';
import {
  DASHBOARD_SETTINGS,
  ROUTE_SETTINGS,
  type DashboardSettings,
  type RouteSettings,
} from './dashboard.settings.js';

const zip = promisify(gzip);
const FILE = /^([\w-]+)\.([\da-f]+)\.(\w+)$/;

/** Answers the page and its files. They hold no data of the inbox. */
@Injectable()
export class PageFiles {
  readonly #shell: string;
  readonly #zipped = new Map<string, Promise<Buffer>>();

  constructor(
    @Inject(DASHBOARD_SETTINGS) { title }: Pick<DashboardSettings, 'title'>,
    @Inject(ROUTE_SETTINGS) { signsInWithToken }: Pick<RouteSettings, 'signsInWithToken'>,
  ) {
    this.#shell = page.shell
      .replaceAll('%TITLE%', () => escapeHtml(title))
      .replaceAll('%SIGN_IN%', signsInWithToken ? 'bearer' : '');
  }

  /** @throws DashboardException 404 for an unknown file */
  async get(request: HostRequest): Promise<Answer> {
    const file = queryOf(request).get('file');
    return file === null ? this.shell() : this.file(file, request);
  }

  private shell(): Answer {
    return new Answer(200, this.#shell, { 'Content-Type': 'text/html; charset=utf-8' });
  }

  /** A file of another version is not there: the page of that version is to be loaded again. */
  private async file(name: string, { headers }: HostRequest): Promise<Answer> {
    const [, stem, digest, ending] = FILE.exec(name) ?? [];
    const key = `${stem}.${ending}`;
    const asset = Object.hasOwn(page.assets, key) ? page.assets[key] : undefined;
    if (!asset || asset.hash !== digest) throw notFound('There is no such file. Load the page again.');
    const isZipped = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''));
    const common = {
      'Content-Type': asset.type,
      'Cache-Control': 'private, max-age=31536000, immutable',
      Vary: 'Accept-Encoding',
      ETag: `"${asset.hash}${isZipped ? '-gzip' : ''}"`,
    };
    if (headers['if-none-match'] === common.ETag) return new Answer(304, '', common);
    if (!isZipped) return new Answer(200, asset.body, common);
    return new Answer(200, await this.zipped(key, asset.body), { ...common, 'Content-Encoding': 'gzip' });
  }

  /** Zips a file once, at the first request that takes it so. */
  private zipped(key: string, body: string): Promise<Buffer> {
    const known = this.#zipped.get(key) ?? zip(body, { level: 9 });
    this.#zipped.set(key, known);
    return known;
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
