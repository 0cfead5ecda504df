import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';

interface Asset {
  readonly type: string;
  readonly hash: string;
  readonly body: string;
}

const { shell, assets } = createRequire(import.meta.url)('../../../../dist/dashboard-page.cjs') as {
  shell: string;
  assets: Record<'page.js' | 'page.css' | 'icon.svg', Asset>;
};

function kilobytes({ body }: Asset): number {
  return gzipSync(body, { level: 9 }).length / 1_000;
}

describe('the built page', () => {
  it('is of one script, one style sheet and one icon, each named by its contents', () => {
    expect(Object.keys(assets)).toEqual(['page.js', 'page.css', 'icon.svg']);
    const { 'page.js': script, 'page.css': style, 'icon.svg': icon } = assets;
    for (const reference of [`page.${script.hash}.js`, `page.${style.hash}.css`, `icon.${icon.hash}.svg`]) {
      expect(shell).toContain(`"?file=${reference}"`);
    }
    expect(shell).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\son\w+=/);
  });

  it('is no larger than 45 kB of script and 5 kB of style, compressed', () => {
    expect(kilobytes(assets['page.js'])).toBeLessThanOrEqual(45);
    expect(kilobytes(assets['page.css'])).toBeLessThanOrEqual(5);
  });

  it('says without JavaScript what shows the same', () => {
    expect(/<noscript>([\s\S]*)<\/noscript>/.exec(shell)?.[1]).toContain('npx nestjs-cr3dentials-webhook inbox');
  });
});
