import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OnVerification, type HandlerContext, type VerificationEvent } from 'nestjs-cr3dentials-webhook';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { freshDatabase, type TestDatabase } from '../../support/database/databases.js';
import { Effect, withEffects } from '../../support/app/effects.js';
import { payload } from '../../support/app/payload.js';
import { until } from '../../support/time/until.js';
import { webhookApp, type WebhookApp } from '../../support/app/webhook-app.js';

const PLENTY = 1_000_000;

interface Connection {
  pragma(text: string): unknown;
}

/** The inbox's own connection is opened after the host's. */
class Disk {
  readonly #connections: Connection[] = [];

  readonly options = {
    prepareDatabase: (connection: Connection) => void this.#connections.push(connection),
  } as Partial<DataSourceOptions>;

  /** Of a file that may not grow, SQLite says that the disk is full. */
  set mostPages(pages: number) {
    this.#connections.at(-1)?.pragma(`max_page_count = ${pages}`);
  }
}

const disk = new Disk();

/** Fills the disk, whereupon SQLite ends the transaction by itself; then fails in the next, then does what it is for. */
@Injectable()
class MeetsAFullDisk {
  calls = 0;

  @OnVerification({ id: 'effect', transactional: true })
  async effect({ sessionId }: VerificationEvent, { manager }: HandlerContext): Promise<void> {
    this.calls++;
    if (this.calls === 1) {
      disk.mostPages = 1;
      await manager.query('INSERT INTO large VALUES (randomblob(200000))').finally(() => (disk.mostPages = PLENTY));
    }
    if (this.calls === 2) throw new Error('It fails.');
    await manager.insert(Effect, { sessionId });
  }
}

describe('an inbox whose disk was full in the middle of a transaction', () => {
  let database: TestDatabase;
  let outside: DataSource;
  let app: WebhookApp;

  beforeEach(async () => {
    database = await freshDatabase('sqlite');
    app = await withEffects(webhookApp(database).withHandlers(MeetsAFullDisk), disk.options).start();
    outside = await database.connect();
    await outside.query('CREATE TABLE large (content blob)');
  });

  afterEach(async () => {
    await app?.stop();
    await database.drop();
  });

  it('commits what it acknowledges afterwards', async () => {
    const bodies = [payload(), payload(), payload()];
    for (const [index, body] of bodies.entries()) {
      expect(await app.post(body)).toMatchObject({ status: 200 });
      await until('its handler was called', () => app.nest.get(MeetsAFullDisk).calls > index);
    }
    const states = () => outside.query<{ state: string }[]>('SELECT state FROM cr3dentials_webhook_delivery_state');
    const completed = async () => (await states()).filter(({ state }) => state === 'completed').length;
    await until('everybody sees them completed', async () => (await completed()) === bodies.length);
    const effects = await outside.query<{ session_id: string }[]>('SELECT session_id FROM effect');
    expect(effects.map(({ session_id: session }) => session).toSorted()).toEqual(
      bodies.map(({ sessionId }) => String(sessionId)).toSorted(),
    );
  });
});
