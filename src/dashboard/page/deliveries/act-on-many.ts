import { messageOf, post } from '../api/client.js';

/** Requests at a time. */
const AT_ONCE = 4;

export interface Outcome {
  readonly done: number;
  /** What could not be done, by the server's message. */
  readonly failures: ReadonlyMap<string, number>;
}

/** Does the same to each of the deliveries, and goes on after one that cannot be done. */
export async function actOnMany(
  ids: readonly string[],
  act: 'replay' | 'discard',
  reason: string | undefined,
  onProgress: (done: number) => void,
): Promise<Outcome> {
  const left = [...ids];
  const failures = new Map<string, number>();
  let done = 0;
  let tried = 0;
  const work = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      try {
        await post(`deliveries/${id}/${act}`, reason === undefined ? {} : { reason });
        done += 1;
      } catch (error) {
        const message = messageOf(error);
        failures.set(message, (failures.get(message) ?? 0) + 1);
      }
      tried += 1;
      onProgress(tried);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failures };
}
