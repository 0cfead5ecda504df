import { randomBytes, randomInt } from 'node:crypto';

/** A secret as long as a header can well be, so that an early exit would be as plain as it can be. */
export const SECRET_CHARS = 8_000;

export const REFERENCE = 'all characters wrong';
/**
 * The guess of the reference, for a secret that is a character longer. A guess of another length would take another time
 * to read and to hash, which tells its sender nothing.
 */
export const OTHER_LENGTH = 'of another length';

export interface Guesses {
  readonly secret: string;
  /** Each makes a guess of its class, at another place in memory every time. */
  readonly classes: ReadonlyMap<string, () => string>;
}

export function guesses(): Guesses {
  const secret = randomBytes(SECRET_CHARS).toString('hex').slice(0, SECRET_CHARS);
  const wrong = secret.replaceAll(/./g, 'z');
  const classes = Object.entries({
    [REFERENCE]: wrong,
    'first character right': secret[0] + wrong.slice(1),
    'first half right': secret.slice(0, SECRET_CHARS / 2) + wrong.slice(SECRET_CHARS / 2),
    'all but the last right': `${secret.slice(0, -1)}z`,
    [OTHER_LENGTH]: wrong,
  }).map(([name, guess]) => [name, copiesOf(guess)] as const);
  return { secret, classes: new Map(classes) };
}

function copiesOf(guess: string): () => string {
  const bytes = Buffer.from(guess);
  return () => bytes.toString('latin1');
}

/** In an order that nothing else can keep step with, each class equally often. */
export function* inRandomOrder(names: readonly string[], rounds: number): Generator<string> {
  for (let round = 0; round < rounds; round++) {
    const left = [...names];
    while (left.length > 0) yield* left.splice(randomInt(left.length), 1);
  }
}
