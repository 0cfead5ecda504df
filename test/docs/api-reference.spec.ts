import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The options of `npm run docs:api`, for another source, of which nothing is written. */
const optionsFor = (folder: string) => `
import options from ${JSON.stringify(pathToFileURL(resolve('typedoc.config.js')).href)};
export default {
  ...options,
  entryPoints: [${JSON.stringify(join(folder, 'index.ts'))}],
  tsconfig: ${JSON.stringify(join(folder, 'tsconfig.json'))},
  basePath: ${JSON.stringify(folder)},
  readme: 'none',
  projectDocuments: [],
  intentionallyNotDocumented: [],
  emit: 'none',
};
`;

describe('the API reference', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cr3d-api-'));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ files: ['index.ts'] }));
    await writeFile(join(folder, 'typedoc.config.mjs'), optionsFor(folder));
  });

  afterEach(() => rm(folder, { recursive: true }));

  async function madeOf(source: string): Promise<{ stdout: string; stderr: string }> {
    await writeFile(join(folder, 'index.ts'), source);
    const typedoc = ['node_modules/typedoc/bin/typedoc', '--options', join(folder, 'typedoc.config.mjs')];
    return run(process.execPath, typedoc, { env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' } });
  }

  it('is made of names with a doc comment', async () => {
    const { stderr } = await madeOf('/**\n * A name.\n *\n * @publicApi\n */\nexport const name = 1;\n');
    expect(stderr).toBe('');
  }, 60_000);

  it('fails when a public name has none', async () => {
    await expect(madeOf('/** @publicApi */\nexport const nameless = 1;\n')).rejects.toThrow(
      /nameless .*does not have any documentation/,
    );
  }, 60_000);
});
