import type { Figure } from './figures.js';

/** Returns what the harness did not detect in a host that breaks the promise. */
export function undetectedControls(figure: Figure): string[] {
  const where = `${figure.program} under ${figure.fault} on ${figure.database}`;
  switch (figure.program) {
    case 'ours':
      return [];
    case 'documented':
      return figure.lost > 0 ? [] : [`${where} lost nothing: the harness would not detect a loss`];
    case 'broken':
      return [
        ...(figure.duplicated > 0 ? [] : [`${where} had no effect twice: the harness would not detect one`]),
        ...(figure.foreignEnds > 0
          ? []
          : [`${where} ended nothing without its lease: the harness would not detect it`]),
      ];
    case 'forgetful':
      return figure.unreached > 0
        ? []
        : [`${where} reached every handler: the harness would not detect a forgotten one`];
    case 'leaky':
      return [
        ...(figure.partial ? [] : [`${where} had no half of an effect: the harness would not detect one`]),
        ...(figure.openTransactions ? [] : [`${where} left no transaction open: the harness would not detect one`]),
      ];
    default:
      return figure.program satisfies never;
  }
}
