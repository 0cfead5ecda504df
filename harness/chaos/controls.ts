import type { Figure } from './figures.js';

/** What the harness has not seen of a host that breaks the promise. */
export function blindnessOf(figure: Figure): string[] {
  const where = `${figure.program} under ${figure.fault} on ${figure.database}`;
  switch (figure.program) {
    case 'ours':
      return [];
    case 'documented':
      return figure.lost > 0 ? [] : [`${where} lost nothing: the harness is blind`];
    case 'careless':
      return [
        ...(figure.duplicated > 0 ? [] : [`${where} had no effect twice: the harness is blind`]),
        ...(figure.foreignEnds > 0 ? [] : [`${where} ended nothing without its lease: the harness is blind`]),
      ];
    default:
      return figure.program satisfies never;
  }
}
