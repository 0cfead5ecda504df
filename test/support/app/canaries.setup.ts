/** Jest runs this in every test file: what a test lets out fails it. */
import { afterAll, afterEach } from '@jest/globals';
import { demandNoLeaks, lookForCanaries } from './canaries.js';

type Write = typeof process.stderr.write;

const restore = (['stdout', 'stderr'] as const).map((name) => {
  const stream = process[name];
  const { write } = stream;
  stream.write = ((chunk: string | Uint8Array, ...more: []) => {
    lookForCanaries(name, Buffer.from(chunk as string).toString());
    return write.call(stream, chunk, ...more);
  }) as Write;
  return () => (stream.write = write);
});

for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
  const write = console[level].bind(console);
  console[level] = (...words: unknown[]) => {
    lookForCanaries(`console.${level}`, words.map(String).join(' '));
    write(...words);
  };
}

afterEach(demandNoLeaks);
afterAll(() => {
  for (const back of restore) back();
  demandNoLeaks();
});
