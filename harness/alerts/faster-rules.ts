/** How much faster time goes: a minute of the rules takes two seconds. */
export const SPEED = 30;

const SECONDS_PER_UNIT: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Returns alert rules that see within seconds what they see within minutes. */
export function faster(rules: string): string {
  return rules
    .replaceAll(/(?<=\[|offset |for: )(\d+)([smhdw])\b/g, (_, number: string, unit: string) => shorter(number, unit))
    .replaceAll(/(?<=oldest_due_seconds\) > )\d+/g, (seconds) => String(Number(seconds) / SPEED));
}

function shorter(number: string, unit: string): string {
  return `${Math.round((Number(number) * (SECONDS_PER_UNIT[unit] ?? 1) * 1_000) / SPEED)}ms`;
}
