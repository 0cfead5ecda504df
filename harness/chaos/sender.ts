import type { Fetch } from 'nestjs-cr3dentials-webhook/testing';
import { Agent, request as httpRequest } from 'node:http';
import { PATH } from './hosts/host-settings.js';
import type { Instance } from './instance.js';
import type { History } from './history.js';

/** Posts to one instance after the other, as a load balancer does, and records the answers. */
export class Sender {
  readonly #agent = new Agent({ keepAlive: true });
  #turn = 0;

  constructor(
    private readonly instances: readonly Instance[],
    private readonly history: History,
  ) {}

  close(): void {
    this.#agent.destroy();
  }

  readonly fetch: Fetch = async (_, { headers, body, signal }) => {
    const instance = this.#next();
    const [sentAt, to] = [performance.now(), instance.name];
    const { sessionId: session } = JSON.parse(body) as { sessionId: string };
    const end = (status: number | undefined) => {
      const endedAt = performance.now();
      const wasSuspended = instance.wasSuspended(sentAt, endedAt);
      this.history.add({ session, body, status, sentAt, endedAt, to, wasSuspended });
    };
    try {
      const status = await this.#exchange(instance, headers, body, signal);
      end(status);
      return { status, arrayBuffer: async () => new ArrayBuffer(0) };
    } catch (error) {
      end(undefined);
      throw error;
    }
  };

  #exchange(
    { host, port }: Instance,
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        { host, port, path: PATH, method: 'POST', agent: this.#agent, signal, headers },
        (response) => {
          response.on('error', reject);
          response.on('end', () => resolve(response.statusCode ?? 0));
          response.resume();
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  #next(): Instance {
    const inRotation = this.instances.filter((instance) => instance.isInRotation);
    const among = inRotation.length > 0 ? inRotation : this.instances;
    const instance = among[this.#turn++ % among.length];
    if (!instance) throw new Error('There is nobody to send to.');
    return instance;
  }
}
