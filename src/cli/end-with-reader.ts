/** Ends the process without a word when nobody reads its output any more, as after `| head`. */
export function endWithReader(stream: NodeJS.WriteStream): void {
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit();
    process.exit(1);
  });
}
