import { join, resolve } from 'node:path';
import ts from 'typescript';

export const root = resolve(import.meta.dirname, '../../..');

/** What the compiler says of sources that stand in no file. */
export interface TypeCheck {
  problems(file: string): { line: number; message: string }[];
}

/** With the project's own settings, except that a source may declare what it does not use. */
export function typeCheck(sources: ReadonlyMap<string, string>): TypeCheck {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object };
  const { options: settings } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const options = { ...settings, noUnusedLocals: false, noUnusedParameters: false };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => sources.has(name) || fileExists(name);
  host.readFile = (name) => sources.get(name) ?? readFile(name);
  const program = ts.createProgram({ rootNames: [...sources.keys()], options, host });
  return { problems: (file) => problemsOf(program, file) };
}

function problemsOf(program: ts.Program, file: string): { line: number; message: string }[] {
  const source = program.getSourceFile(file);
  return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ start = 0, messageText }) => ({
      line: source?.getLineAndCharacterOfPosition(start).line ?? 0,
      message: ts.flattenDiagnosticMessageText(messageText, '\n'),
    }),
  );
}
