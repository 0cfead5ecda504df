import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cr3dentialsWebhookEntities } from 'nestjs-cr3dentials-webhook';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DataSource } from 'typeorm';
import ts from 'typescript';
import {
  databases,
  freshDatabase,
  urlOf,
  type DatabaseKind,
  type TestDatabase,
} from '../support/database/databases.js';
import { blocks } from '../support/sources/documents.js';

const NAME = 'Cr3dentialsWebhookInitial1795392000000';
const ofDocument = blocks().filter(({ document }) => document === 'docs/migrations.md');
const dataSource = ofDocument.find(({ code }) => code.includes('export default new DataSource'))?.code ?? '';
const commandsOf = (run: string) => ofDocument.find(({ says }) => says.run === run)?.code ?? '';

const hosts = { ESM: ['module', ts.ModuleKind.ESNext], CommonJS: ['commonjs', ts.ModuleKind.CommonJS] } as const;

/** The document's DataSource, which is one of PostgreSQL, on another database. */
function on(kind: DatabaseKind, code: string): string {
  const url = 'url: process.env.DATABASE_URL';
  const changed = code
    .replace("type: 'postgres'", `type: '${kind === 'sqlite' ? 'better-sqlite3' : kind}'`)
    .replace(url, kind === 'sqlite' ? "database: process.env.DATABASE_URL ?? ''" : url);
  return kind === 'postgres' ? code : changed;
}

describe.each(databases.flatMap((kind) => (['ESM', 'CommonJS'] as const).map((modules) => [modules, kind] as const)))(
  'the TypeORM command line in an app of %s on %s',
  (modules, kind) => {
    let folder: string;
    let database: TestDatabase;
    let connection: DataSource;

    beforeEach(async () => {
      database = await freshDatabase(kind);
      connection = await database.connect({ entities: [...cr3dentialsWebhookEntities] });
      folder = await mkdtemp(join(tmpdir(), 'cr3d-host-'));
      await mkdir(join(folder, 'node_modules'));
      await mkdir(join(folder, 'dist'));
      for (const name of ['typeorm', 'better-sqlite3', 'pg', 'mysql2'])
        await symlink(resolve('node_modules', name), join(folder, 'node_modules', name));
      await symlink(resolve('.'), join(folder, 'node_modules/nestjs-cr3dentials-webhook'));
      const [type, module] = hosts[modules];
      await writeFile(join(folder, 'package.json'), JSON.stringify({ type }));
      const compiled = ts.transpileModule(on(kind, dataSource), {
        compilerOptions: { module, target: ts.ScriptTarget.ES2023, esModuleInterop: true },
      });
      await writeFile(join(folder, 'dist/data-source.js'), compiled.outputText);
    });

    afterEach(async () => {
      await rm(folder, { recursive: true });
      await database.drop();
    });

    /** Each command of a block, as it stands there, and what it prints. */
    async function run(block: string): Promise<string[]> {
      const outputs = [];
      for (const command of block.trim().split('\n')) {
        const words = command.replace('npx typeorm', resolve('node_modules/typeorm/cli.js')).split(' ');
        const child = spawn(process.execPath, words, {
          cwd: folder,
          env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: urlOf(database) },
        });
        let output = '';
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => (output += String(chunk)));
        const [code] = (await once(child, 'close')) as [number];
        expect([command, code, output]).toEqual([command, expect.any(Number), expect.not.stringMatching(/Error/)]);
        outputs.push(output);
      }
      return outputs;
    }

    const exists = () => connection.createQueryRunner().hasTable('cr3dentials_webhook_delivery');

    it('shows, runs and reverts the migrations', async () => {
      const [before = '', , after = ''] = await run(commandsOf('migrations'));
      expect(before).toContain(`[ ] ${NAME}`);
      expect(after).toMatch(new RegExp(String.raw`\[X\] \d+ ${NAME}`));
      expect(await exists()).toBe(true);
      await run(commandsOf('revert'));
      expect(await exists()).toBe(false);
    }, 60_000);
  },
);
