import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve('src');

/** A file of `src`, parsed. */
export interface SourceFile {
  /** As `database/sql.ts`. */
  readonly name: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
}

/** The operator's page: it runs in browsers, has rules of its own, and is no part of the two builds. */
const PAGE = /^dashboard[\\/]page[\\/]/;

/** The files of the library. */
export function sourceFiles(): SourceFile[] {
  return readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !PAGE.test(name))
    .toSorted()
    .map((name) => sourceFile(name));
}

/** The files of the operator's page, style sheets and shell included. */
export function pageFiles(): { readonly name: string; readonly text: string }[] {
  return readdirSync(join(ROOT, 'dashboard/page'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(tsx?|css|html)$/.test(name))
    .toSorted()
    .map((name) => ({
      name: name.replaceAll('\\', '/'),
      text: readFileSync(join(ROOT, 'dashboard/page', name), 'utf8'),
    }));
}

export function sourceFile(name: string): SourceFile {
  const text = readFileSync(join(ROOT, name), 'utf8');
  return {
    name: name.replaceAll('\\', '/'),
    text,
    tree: ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true),
  };
}

/** Every node, from the top down. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

/** What a file imports or exports from elsewhere and needs when it runs: types are gone by then. */
export function runtimeImportsOf({ tree }: SourceFile): string[] {
  return [...nodesOf(tree)].flatMap((node) => {
    if (ts.isImportDeclaration(node)) return isOfTypes(node.importClause) ? [] : [specifierOf(node)];
    if (ts.isExportDeclaration(node) && node.moduleSpecifier)
      return node.isTypeOnly || areTypes(node.exportClause) ? [] : [specifierOf(node)];
    const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
    return isDynamic ? node.arguments.map((argument) => argument.getText().slice(1, -1)) : [];
  });
}

/** The file that a relative import names. */
export function importedFile({ name }: SourceFile, specifier: string): SourceFile {
  return sourceFile(relative(ROOT, resolve(ROOT, dirname(name), specifier.replace(/\.js$/, '.ts'))));
}

function specifierOf({ moduleSpecifier }: ts.ImportDeclaration | ts.ExportDeclaration): string {
  return moduleSpecifier && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : '';
}

function isOfTypes(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false; // imported for its effect
  return clause.phaseModifier === ts.SyntaxKind.TypeKeyword || (!clause.name && areTypes(clause.namedBindings));
}

function areTypes(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): boolean {
  const hasNames = bindings !== undefined && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings));
  return hasNames && bindings.elements.every(({ isTypeOnly }) => isTypeOnly);
}
