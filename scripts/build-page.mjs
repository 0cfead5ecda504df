// Builds the operator's page into one file, dist/dashboard-page.cjs, that both builds of the library load: its shell,
// and its assets as texts. Nothing is looked up at run time, so that hosts can be bundled.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const PAGE = 'src/dashboard/page';
const BANNER = '/* Contains Preact (MIT, © Jason Miller). */';
const TYPES = {
  'page.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml; charset=utf-8',
};

async function bundle() {
  const { outputFiles } = await build({
    entryPoints: { page: `${PAGE}/main.tsx` },
    tsconfig: `${PAGE}/tsconfig.json`,
    bundle: true,
    minify: true,
    write: false,
    outdir: 'dist',
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: BANNER },
  });
  return Object.fromEntries(outputFiles.map(({ path, text }) => [path.replace(/^.*[\\/]/, ''), text]));
}

function assetOf(name, body) {
  return { type: TYPES[name], hash: createHash('sha256').update(body).digest('hex').slice(0, 16), body };
}

/** Puts the names with their hashes into the shell. A name that the shell does not have is a mistake. */
function shellOf(assets) {
  let shell = readFileSync(`${PAGE}/shell.html`, 'utf8');
  for (const [name, { hash }] of Object.entries(assets)) {
    const [stem, extension] = name.split('.');
    if (!shell.includes(`%${name}%`)) throw new Error(`The shell does not refer to ${name}`);
    shell = shell.replaceAll(`%${name}%`, `${stem}.${hash}.${extension}`);
  }
  return shell;
}

const bodies = { ...(await bundle()), 'icon.svg': readFileSync(`${PAGE}/icon.svg`, 'utf8') };
const assets = Object.fromEntries(Object.keys(TYPES).map((name) => [name, assetOf(name, bodies[name])]));
mkdirSync('dist', { recursive: true });
const generated = { shell: shellOf(assets), assets };
writeFileSync('dist/dashboard-page.cjs', `module.exports = ${JSON.stringify(generated)};\n`);
