import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { IsIn, IsNumber, IsOptional, IsString, ValidateNested } from 'class-validator';
import { verificationPayload } from 'nestjs-cr3dentials-webhook/testing';
import ts from 'typescript';
import { ExtractedDataValidator } from '../../src/contract/extracted-data.validator.js';
import { validatePayload } from '../../src/contract/payload-validation.js';
import { blocks } from '../support/sources/documents.js';

/** The class that docs/configuration.md declares for platform 1, as it stands there. */
function documentedClass(): new () => object {
  const block = blocks().find(
    ({ document, code }) => document === 'docs/configuration.md' && code.includes('class BankAccount'),
  );
  const [, classes = ''] = /(class Balance[\s\S]+?)Cr3dentialsWebhookModule\.forRoot/.exec(block?.code ?? '') ?? [];
  const compilerOptions = { target: ts.ScriptTarget.ES2021, experimentalDecorators: true };
  const names = { IsIn, IsNumber, IsOptional, IsString, Type, ValidateNested };
  const { outputText } = ts.transpileModule(
    `({ ${Object.keys(names).join(', ')} }) => {\n${classes}\nreturn BankAccount;\n};`,
    { compilerOptions },
  );
  // oxlint-disable-next-line no-eval -- it is code of our own documents
  return ((0, eval)(outputText) as (given: typeof names) => new () => object)(names);
}

describe('the class of docs/configuration.md', () => {
  const validator = new ExtractedDataValidator({ 1: documentedClass() });
  const rejectionOf = (payload: object) => validatePayload(validator, JSON.parse(JSON.stringify(payload))).rejection;

  it('fits the payloads of the test kit', () => {
    const rejections = Array.from({ length: 200 }, (_, seed) => rejectionOf(verificationPayload({ seed })));
    expect(rejections.filter((rejection) => rejection)).toEqual([]);
  });

  it('does not fit other data', () => {
    expect(rejectionOf(verificationPayload({ extractedData: { accountHolder: 7 } }))).toMatchObject({
      reason: 'unexpected-data',
    });
  });
});
