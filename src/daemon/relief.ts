import type { ResultCache } from '../cache/results.js';
import type { Clock } from '../lib/clock.js';
import { collectGarbage } from '../lib/collect-garbage.js';
import type { Logger } from '../lib/log.js';
import { MemoryGuard, systemMemory } from '../lib/memory-guard.js';
import type { Market } from './market.js';

export interface ReliefOptions {
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly results: Pick<ResultCache<object>, 'clear'>;
  /** Null while there is none. */
  readonly market: () => Market | null;
  readonly onRestartWanted: () => void;
}

/** What the process gives up, and in which order, when its memory nears the limit. It begins at once. */
export function openRelief({ limitBytes, clock, log, results, market, onRestartWanted }: ReliefOptions): MemoryGuard {
  const guard = new MemoryGuard({
    limitBytes,
    clock,
    probe: systemMemory,
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
    onChange: ({ level, from, ...memory }) => {
      const fields = { level, from, ...memory };
      if (level > from) log.warn(fields, 'memory pressure rose');
      else log.info(fields, 'memory pressure fell');
    },
    onFailure: ({ error: err, ...which }) => log.error({ err, ...which }, 'memory could not be given back'),
  });
  guard.start();
  return guard;
}
