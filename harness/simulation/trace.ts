/** Characters of a line that are kept. */
const WIDTH = 200;
/** Last lines that are kept. */
const LENGTH = 150;
/** Statements of a worker that finds nothing. */
const IDLE = /-> (0|\[\])$/;

/** Shortens a trace to what a reader wants first: what happened, without polls that found nothing. */
export function compactTrace(lines: readonly string[]): string[] {
  const flat = lines.map((line) => line.replace(/\s+/g, ' '));
  const short = flat.filter((line, index) => !isIdle(line, flat[index + 1])).map((line) => line.slice(0, WIDTH));
  return short.slice(-LENGTH);
}

/** A statement that returns nothing stands before its answer, unless another instance comes in between. */
function isIdle(line: string, next: string | undefined): boolean {
  return (
    IDLE.test(line) ||
    (next !== undefined && IDLE.test(next) && processOf(line) === processOf(next) && / UPDATE /.test(line))
  );
}

function processOf(line: string): string | undefined {
  return line.split(' ')[1];
}
