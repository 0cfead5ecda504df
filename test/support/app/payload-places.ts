import { payloadFields } from '../../../src/contract/verification.payload.js';

/** Where in a body something stands. */
export interface Place {
  readonly name: string;
  /** The text of a body that is as it should be, but for this text of JSON, or of none. */
  around(text: string, sessionId: string): string;
}

const sample = {
  status: '"COMPLETED"',
  platformId: '1',
  externalReferenceId: '"user_abc123"',
  extractedData: '{"accountHolder":"John Doe"}',
  proofHash: '"9f2c…"',
  completedAt: '"2025-03-24T12:05:00.000Z"',
  metadata: '{}',
};

const fields = payloadFields.map((field) => place(field, (text) => ({ [field]: text })));

/** Where any value of JSON may stand. */
export const openPlaces: readonly Place[] = [
  place('a value of extractedData', (text) => ({ extractedData: `{"held":${text},"after":1}` })),
  place('deep in extractedData', (text) => ({ extractedData: `{"list":[[{"held":[${text}]}]]}` })),
  place('a value of metadata', (text) => ({ metadata: `{"held":${text}}` })),
  place('deep in metadata', (text) => ({ metadata: `{"list":[0,{"held":{"in":${text}}}]}` })),
  place('an undocumented field', (text) => ({ undocumented: text })),
];

export const keyPlaces: readonly Place[] = [
  place('a key of extractedData', (text) => ({ extractedData: `{${text}:1}` })),
  place(
    'a key of the body',
    (text) => ({ [text]: '1' }),
    (key) => key,
  ),
];

/** Every documented field, and everything around them. */
export const places: readonly Place[] = [...fields, ...openPlaces, ...keyPlaces];

function place(
  name: string,
  membersOf: (text: string) => Record<string, string>,
  keyOf = (key: string): string => JSON.stringify(key),
): Place {
  return {
    name,
    around(text, sessionId) {
      const given = membersOf(text);
      const members = Object.entries({ sessionId: JSON.stringify(sessionId), ...sample })
        .filter(([key]) => !(key in given))
        .map(([key, value]) => `${JSON.stringify(key)}:${value}`);
      const held = Object.entries(given).map(([key, value]) => `${keyOf(key)}:${value}`);
      return `{${[...members, ...held].join(',')}}`;
    },
  };
}

/** A body of which each documented field holds this text of JSON. */
export function everyFieldAtOnce(text: string): string {
  return `{${payloadFields.map((field) => `${JSON.stringify(field)}:${text}`).join(',')}}`;
}
