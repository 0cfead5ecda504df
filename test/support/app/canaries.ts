/** The secret that the app accepts unless it is told otherwise. */
export const SECRET = 'canary-secret-of-more-than-16-characters';
/** Of the person in every payload, unless a test has another. */
export const HOLDER = 'Canary Doe';
/** In the metadata of every payload, likewise. */
export const AGENT = 'canary-agent-4711';

/** What specs with secrets and people of their own call them. */
const THEIRS = ['Kestrel-', 'Marie-Sklodowska'];
const CANARIES = [SECRET, HOLDER, AGENT, ...THEIRS];
const BREAKS_A_LINE = /[\p{Cc}\u2028\u2029]/u;

const leaks: string[] = [];

/** Remembers it when a canary has come to a place where none may be, for `demandNoLeaks`. */
export function lookForCanaries(place: string, text: string): void {
  for (const canary of CANARIES.filter((one) => text.includes(one)))
    leaks.push(`"${canary}" is in ${place}: ${around(text, canary)}`);
}

/** A line of the module stays one line, whatever it was given. */
export function lookAtLogLine(line: string, context: unknown): void {
  lookForCanaries('the log', line);
  if (context === 'Cr3dentialsWebhook' && BREAKS_A_LINE.test(line))
    leaks.push(`A log line is more than one: ${JSON.stringify(line)}`);
}

/** An answer, which is handed on. */
export function withoutCanaries<A extends { readonly status: number; readonly body: string; readonly headers: object }>(
  answer: A,
): A {
  lookForCanaries(`an answer of ${answer.status}`, `${JSON.stringify(answer.headers)} ${answer.body}`);
  return answer;
}

/** Called after every test and wherever a database is dropped. */
export function demandNoLeaks(): void {
  const found = leaks.splice(0);
  if (found.length > 0) throw new Error(`What nobody may see has been let out:\n${found.join('\n')}`);
}

function around(text: string, canary: string): string {
  const at = text.indexOf(canary);
  return JSON.stringify(text.slice(Math.max(0, at - 200), at + canary.length + 200));
}
