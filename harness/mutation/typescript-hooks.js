import { transform } from '@swc/core';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import jest from '../../jest.config.js';

const [, compilation] = jest.transform['^.+\\.ts$'];
const named = {
  '@jest/globals': 'harness/mutation/jest-globals.js',
  'nestjs-cr3dentials-webhook': 'src/index.ts',
  'nestjs-cr3dentials-webhook/migrations': 'src/inbox/migrations/index.ts',
  'nestjs-cr3dentials-webhook/testing': 'src/testing/index.ts',
};

/** Resolves what `jest.config.js` maps, within the copy of the project that asks. */
export function resolve(specifier, context, next) {
  const [, root] = /^(file:.*?\/)(?:src|test)\/(?!.*\/node_modules\/).*\.ts$/.exec(context.parentURL ?? '') ?? [];
  if (!root) return next(specifier, context);
  if (specifier in named) return { url: new URL(named[specifier], root).href, shortCircuit: true };
  return next(/^\.{1,2}\//.test(specifier) ? specifier.replace(/\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context);
  const filename = fileURLToPath(url);
  const { code } = await transform(await readFile(filename, 'utf8'), {
    ...compilation,
    filename,
    sourceMaps: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}
