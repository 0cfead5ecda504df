import { occurrences, type OccurrenceMessage, type OccurrenceName } from 'nestjs-cr3dentials-webhook';
import type { Channel } from 'node:diagnostics_channel';
import { channelOf } from '../../../src/instrumentation/occurrence.channels.js';

/**
 * Hears all channels of the process. It takes them from the module: Node 20 may lose one that is asked for by its name,
 * when the test file before in this process had it too and was collected.
 */
export class OccurrenceWatch {
  readonly heard: { readonly name: OccurrenceName; readonly message: object }[] = [];
  readonly #subscriptions: readonly (readonly [Channel, (message: unknown) => void])[];

  constructor(private readonly names: readonly OccurrenceName[] = occurrences) {
    this.#subscriptions = this.names.map((name) => {
      const own = channelOf(name);
      const hear = (message: unknown): void => void this.heard.push({ name, message: message as object });
      own.subscribe(hear);
      return [own, hear] as const;
    });
  }

  of<N extends OccurrenceName>(name: N): OccurrenceMessage<N>[] {
    return this.heard.filter((one) => one.name === name).map(({ message }) => message as OccurrenceMessage<N>);
  }

  stop(): void {
    for (const [own, hear] of this.#subscriptions) own.unsubscribe(hear);
  }
}
