import type { ResultCache } from '../cache/results.js';
import type { Clock } from '../lib/clock.js';
import { collectGarbage } from '../lib/collect-garbage.js';
import type { Logger } from '../lib/log.js';
import { MemoryGuard, type MemoryReading, systemMemory } from '../lib/memory-guard.js';
import type { Market } from './market.js';

export interface ReliefOptions {
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly results: Pick<ResultCache<object>, 'clear'>;
  /** Null while there is none. */
  readonly market: () => Market | null;
  readonly onRestartWanted: () => void;
  /** Default: the memory of this process. */
  readonly probe?: () => MemoryReading;
}

/** What the process gives up, and in which order, when its memory nears the limit. It begins at once. */
export function openRelief(options: ReliefOptions): MemoryGuard {
  const { limitBytes, clock, log, results, market, onRestartWanted, probe = systemMemory } = options;
  const guard = new MemoryGuard({
    limitBytes,
    clock,
    probe,
    relievers: [
      { name: 'results', level: 1, enter: () => results.clear() },
      // What changed is held twice until it is on disk.
      { name: 'unsaved candles', level: 1, enter: () => market()?.cache.flush() },
      {
        name: 'deepening',
        level: 2,
        enter: () => market()?.deepening.pause('memory'),
        leave: () => market()?.deepening.resume('memory'),
      },
      { name: 'garbage', level: 2, enter: collectGarbage },
      { name: 'restart', level: 3, enter: onRestartWanted },
    ],
    // `level` is the log's own, and repeated warnings are folded: each level is told by a message of its own.
    onChange: ({ level: to, from, ...memory }) => {
      const fields = { from, to, ...memory };
      if (to > from) log.warn(fields, `memory pressure rose to ${to}`);
      else log.info(fields, `memory pressure fell to ${to}`);
    },
    onFailure: ({ error: err, ...which }) => log.error({ err, ...which }, 'memory could not be given back'),
  });
  guard.start();
  return guard;
}
