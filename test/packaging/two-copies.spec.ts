import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { root } from '../support/sources/type-check.js';

/** A script that is an ES module beside a CommonJS app: two builds of the package in one process. */
const SCRIPT = `
import { createRequire } from 'node:module';
import { Cr3dentialsWebhookInbox } from './dist/index.js';
const require = createRequire(process.cwd() + '/script.cjs');
const { NestFactory, ModuleRef } = require('@nestjs/core');
const { EventEmitterModule } = require('@nestjs/event-emitter');
const { TypeOrmModule } = require('@nestjs/typeorm');
const commonJs = require('./dist/cjs/index.js');
const database = {
  type: 'better-sqlite3', database: ':memory:', migrationsRun: true,
  entities: commonJs.cr3dentialsWebhookEntities, migrations: commonJs.cr3dentialsWebhookMigrations,
};
const module = class AppModule {};
const imports = [
  TypeOrmModule.forRoot(database), EventEmitterModule.forRoot(), commonJs.Cr3dentialsWebhookModule.forRoot({ auth: 'none' }),
];
const app = await NestFactory.createApplicationContext({ module, imports }, { logger: false });
const find = (token) => { try { return app.get(ModuleRef).get(token, { strict: false }); } catch { return undefined; } };
const inbox = find('Cr3dentialsWebhookInbox');
console.log(JSON.stringify({
  otherCopy: find(Cr3dentialsWebhookInbox) !== undefined,
  sameCopy: find(commonJs.Cr3dentialsWebhookInbox) === inbox,
  dead: (await inbox.stats()).dead,
}));
await app.close();
`;

describe('a script that loads another copy of the package than the app', () => {
  it('gets the inbox by its name', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      cwd: root,
    });
    expect(JSON.parse(stdout)).toEqual({ otherCopy: false, sameCopy: true, dead: 0 });
  });
});
