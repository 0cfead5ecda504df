import { transformFile } from '@swc/core';
import { build } from 'esbuild';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { output } from './process.mjs';

/**
 * The same app as other builders make it: `dist/minified.js`, one file with the names that a minifier gives to classes,
 * and `swc/`, by SWC with the metadata of decorators.
 */
export async function buildOtherwise(cwd, type) {
  await build({
    entryPoints: [join(cwd, 'dist/main.js')],
    outfile: join(cwd, 'dist/minified.js'),
    bundle: true,
    minify: true,
    platform: 'node',
    format: type === 'module' ? 'esm' : 'cjs',
    packages: 'external',
    logLevel: 'warning',
  });
  for (const name of await readdir(join(cwd, 'src'), { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const { code } = await transformFile(join(cwd, 'src', name), {
      swcrc: false,
      configFile: false,
      jsc: {
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
        target: 'es2022',
        keepClassNames: true,
      },
      module: { type: type === 'module' ? 'es6' : 'commonjs' },
    });
    const to = join(cwd, 'swc', name.replace(/ts$/, 'js'));
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, code);
  }
}

/**
 * Nest's own bundle, `webpacked/main.js`, with the settings of its command line but for two: the sources name their
 * imports as JavaScript, and `dist` has the app that others build.
 */
export async function bundleByNest(cwd) {
  const config = `module.exports = (options) => ({
    ...options,
    resolve: { ...options.resolve, extensionAlias: { '.js': ['.ts', '.js'] } },
    output: { ...options.output, path: '${join(cwd, 'webpacked')}', filename: 'main.js' },
  });`;
  await writeFile(join(cwd, 'webpack.config.cjs'), config);
  const settings = { sourceRoot: 'src', compilerOptions: { tsConfigPath: 'tsconfig.build.json' } };
  await writeFile(join(cwd, 'nest-cli.json'), JSON.stringify(settings));
  const nest = ['--yes', '@nestjs/cli@11', 'build', '--webpack', '--webpackPath', 'webpack.config.cjs'];
  await output('npx', nest, { cwd });
}
