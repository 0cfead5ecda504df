const MINUTE = 60_000;

/** What the charts show: one hour by minutes, a day by five minutes, 30 days by two hours. At most 400 points. */
export const SPANS = {
  hour: { length: 60 * MINUTE, step: MINUTE },
  day: { length: 24 * 60 * MINUTE, step: 5 * MINUTE },
  month: { length: 30 * 24 * 60 * MINUTE, step: 120 * MINUTE },
} as const;

export type Span = keyof typeof SPANS;

export function spanOf(text: string | null): Span {
  return text !== null && Object.hasOwn(SPANS, text) ? (text as Span) : 'hour';
}
