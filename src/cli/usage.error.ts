/** What the caller of the command has to change: its message is one line that says what. */
export class UsageError extends Error {}
