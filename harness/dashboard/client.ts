import { Agent, request } from 'node:http';
import { authorizationOf, type OperatorName } from './names.js';

/** What is asked of the API. */
export interface Question {
  /** Address below the API. */
  readonly path: string;
  readonly by?: OperatorName;
  /** Body of a POST; a GET has none. */
  readonly body?: object;
}

export interface Answered {
  readonly status: number;
  readonly text: string;
  readonly etag: string | undefined;
}

/** Someone who has the page open, with connections of their own. */
export class Client {
  readonly #agent = new Agent({ keepAlive: true });

  constructor(private readonly url: string) {}

  /** @throws if the answer is neither 200 nor 304 */
  async ask({ path, by = 'ada', body }: Question, etag?: string): Promise<Answered> {
    const headers = {
      Authorization: authorizationOf(by),
      ...(etag && { 'If-None-Match': etag }),
      ...(body && { 'Content-Type': 'application/json', 'X-Inbox-Request': '1' }),
    };
    const sent = body && JSON.stringify(body);
    const answer = await send(`${this.url}/webhook-inbox/api/${path}`, this.#agent, headers, sent);
    if (answer.status !== 200 && answer.status !== 304)
      throw new Error(`${path} was answered ${answer.status}: ${answer.text.slice(0, 300)}`);
    return answer;
  }

  async json<T>(question: Question): Promise<T> {
    return JSON.parse((await this.ask(question)).text) as T;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Sends a GET, or a POST if there is a body. */
export function send(
  url: string,
  agent: Agent,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers, method: body === undefined ? 'GET' : 'POST' }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          etag: response.headers.etag,
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
