import type { RootLogger } from '../../src/lib/log.js';

/** A log of which nobody hears. */
export function silentLog(): RootLogger {
  const ignore = () => undefined;
  const log: RootLogger = {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: ignore,
    fatal: ignore,
    child: () => log,
    level: 'silent',
    setLevel: ignore,
    hide: ignore,
    writeRepeated: ignore,
    stats: () => ({ dropped: 0, failed: 0, folded: 0 }),
    close: async () => {},
  };
  return log;
}
