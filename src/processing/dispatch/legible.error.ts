/**
 * Returns what a handler has thrown, or another error in place of what throws itself when it is looked at, such as a
 * proxy that was revoked.
 */
export function legibleError(thrown: unknown): unknown {
  try {
    const isError = thrown instanceof Error;
    const { code, driverError } = Object(thrown) as { code?: unknown; driverError?: { code?: unknown } };
    void [isError, String(code), String(driverError?.code)];
    return thrown;
  } catch {
    return new Error('The handler has thrown something that cannot be read.');
  }
}
