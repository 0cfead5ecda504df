/** An error that the caller of the command can remove. The message is one line with the remedy. */
export class UsageError extends Error {}
