import type { DuplicatesFigure } from '../duplicates.js';
import { violations, type Figure } from '../figures.js';

/** One line for whoever watches. */
export function lineOf(figure: Figure): string {
  const { fault, database, program, trials, acknowledged, lost, duplicated, slowestAnswer, firstAnswerAfter } = figure;
  const told = `${fault} on ${database}, ${program}: ${trials} trials, ${acknowledged} acknowledged, ${lost} lost`;
  const times = `slowest answer ${slowestAnswer} ms, first 200 after ${firstAnswerAfter} ms`;
  const found = violations(figure);
  return `${told}, ${duplicated} twice, ${figure.repeated} begun again, ${figure.unavailable} × 503, ${times}${found.length > 0 ? ` | ${found.join('; ')}` : ''}`;
}

export function lineOfDuplicates(figure: DuplicatesFigure): string {
  const { database, platform, program, sessions, copies, answered200, rows, effects, counted, slowestAnswer } = figure;
  const told = `duplicates on ${database}, ${program}, ${platform}: ${sessions} × ${copies}, ${answered200} × 200, ${rows} rows`;
  return `${told}, ${effects} effects, ${counted} counted, slowest answer ${slowestAnswer} ms`;
}
