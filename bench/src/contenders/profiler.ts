import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';

const INTERVAL_US = 500;

/** Profiles this process from now on. The function that it returns ends that, and writes the profile to the file. */
export async function profileTo(file: string): Promise<() => Promise<void>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
  return async () => {
    const { profile } = await session.post('Profiler.stop');
    session.disconnect();
    await writeFile(file, JSON.stringify(profile));
  };
}
