/** Error that the user of the command can fix. Its message is one line with the remedy. */
export class UsageError extends Error {}
