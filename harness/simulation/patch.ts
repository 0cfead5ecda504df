type Method = (this: never, ...args: never[]) => unknown;
type Class = { readonly name: string; readonly prototype: object };

/**
 * Replaces a method of a class. Returns what puts it back.
 *
 * @param make returns the new method, given the one that there is
 * @throws Error if there is no such method any more: the fault would not be put back, and its control would prove nothing
 */
export function patch(target: Class, method: string, make: (original: Method) => Method): () => void {
  const before = Object.getOwnPropertyDescriptor(target.prototype, method);
  if (typeof before?.value !== 'function')
    throw new Error(
      `${target.name} has no method ${method} any more. Put the fault of this control where it has gone.`,
    );
  Object.defineProperty(target.prototype, method, { ...before, value: make(before.value as Method) });
  return () => Object.defineProperty(target.prototype, method, before);
}
