export interface Progress {
  update(done: number, total: number): void;
  stop(): void;
}

/** A progress bar on stderr, only where a person looks. */
export async function scanProgress(stderr: NodeJS.WriteStream, quiet: boolean): Promise<Progress> {
  if (quiet || !stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    stream: stderr,
    clearOnComplete: true,
    hideCursor: true,
    format: 'scanning {bar} {value}/{total} symbols',
  });
  return {
    update(done, total) {
      if (bar.isActive) bar.update(done);
      else bar.start(total, done);
    },
    stop: () => bar.stop(),
  };
}
