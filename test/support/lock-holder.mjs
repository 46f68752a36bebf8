// Takes the lock of a directory as a process of its own. Arguments: the base URL of the compiled sources, the
// directory, the platform to behave as, and `once` to take it and do nothing more. Prints `locked` and stays until it
// is killed, or exits with 75 when another process has the lock; why, and the processor time that it took, is on stderr.
const [sources, dir, platform, once] = process.argv.slice(2);
const { acquireLock, LockHeldError } = await import(new URL('lib/directory-lock.js', sources).href);

const self = { pid: process.pid, startedAt: new Date().toISOString(), version: '1.2.3', command: 'run' };
try {
  await acquireLock(dir, self, { platform });
  process.stdout.write('locked\n');
  if (once === undefined) setInterval(() => {}, 2 ** 30);
} catch (error) {
  if (!(error instanceof LockHeldError)) throw error;
  const { user, system } = process.cpuUsage();
  const { message, holder } = error;
  process.stderr.write(`${JSON.stringify({ message, holder, cpuMs: (user + system) / 1_000 })}\n`);
  process.exitCode = 75;
}
