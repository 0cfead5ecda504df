import { OptionDefaults } from 'typedoc';

/** Lets a heading that is code have the anchor that GitHub gives it: typedoc reads only the text of a heading. */
function markdownItLoader(parser) {
  parser.core.ruler.push('headings-as-text', ({ tokens }) => {
    for (const [index, { type }] of tokens.entries())
      if (type === 'heading_open')
        for (const child of tokens[index + 1].children) if (child.type === 'code_inline') child.type = 'text';
  });
}

/** The API reference: `npm run docs:api`. A public name without a doc comment fails it. */
/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'nestjs-cr3dentials-webhook',
  entryPoints: [
    'src/index.ts',
    'src/inbox/migrations/index.ts',
    'src/testing/index.ts',
    'src/bullmq/index.ts',
    'src/terminus/index.ts',
    'src/dashboard/index.ts',
    'src/opentelemetry/index.ts',
    'src/prom-client/index.ts',
  ],
  tsconfig: 'tsconfig.build.json',
  out: '.build/api',
  readme: 'README.md',
  projectDocuments: ['docs/*.md', 'docs/*/*.md', 'CHANGELOG.md', 'UPGRADING.md'],
  // Everything that the entry points export carries it, and nothing else: test/packaging/public-api.spec.ts.
  modifierTags: [...OptionDefaults.modifierTags, '@publicApi'],
  excludeTags: [...OptionDefaults.excludeTags, '@publicApi'],
  highlightLanguages: ['typescript', 'json', 'sh', 'sql', 'mermaid'],
  markdownItLoader,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  disableGit: true,
  sourceLinkTemplate: 'https://github.com/cr3dentials/nestjs-cr3dentials-webhook/blob/{gitRevision}/{path}#L{line}',
  gitRevision: process.env.GITHUB_SHA ?? 'main',
  validation: { notDocumented: true, notExported: false, invalidLink: true, invalidPath: false },
  treatWarningsAsErrors: true,
};
