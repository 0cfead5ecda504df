import type { EncryptionOptions } from 'nestjs-cr3dentials-webhook';

/** A key that no test has for anything else. */
export const TEST_KEY = { id: 'test-key', value: '5Vb1xW3v4pQm8s0nKcT2yHhJ7rUeZaLd6gFoIiXwBkM' };

/** What the apps of all specs have with `TEST_ENCRYPTION=on`, unless a spec has keys of its own. */
export const testEncryption: EncryptionOptions | undefined =
  process.env.TEST_ENCRYPTION === 'on' ? { keys: [TEST_KEY], current: TEST_KEY.id } : undefined;
