import { join } from 'node:path';
import { root, typeCheck } from '../sources/type-check.js';

/** Answers that were seen, each with the type of the contract that it is to have. */
const seen: { readonly type: string; readonly text: string }[] = [];

/** Remembers an answer, for `violationsOfContract`. */
export function haveType(type: string, text: string): void {
  seen.push({ type, text });
}

/**
 * Returns what the compiler says of the answers as literals of their types: a field that is missing, ill-typed, or not
 * in the contract.
 */
export function violationsOfContract(): string[] {
  const answers = seen.splice(0);
  const file = join(root, 'test/support/dashboard/answers.ts');
  const contract = `import type * as C from '../../../src/dashboard/api/contract.js';`;
  const lines = answers.map(
    ({ type, text }, n) => `export const answer${n}: ${type.replaceAll(/\b([A-Z])/g, 'C.$1')} = ${text};`,
  );
  const { problems } = typeCheck(new Map([[file, [contract, ...lines].join('\n')]]));
  return problems(file).map(({ line, message }) => `${answers[line - 1]?.type}: ${message}`);
}

/** Throws if an answer that was seen is not of the contract. */
export function demandContract(): void {
  const found = violationsOfContract();
  if (found.length > 0) throw new Error(`Answers are not of the contract:\n${found.join('\n')}`);
}
