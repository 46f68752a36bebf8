import type { ShrinkReport } from '../cache/contract.js';
import type { ResultCache } from '../cache/results.js';
import type { Clock } from '../lib/clock.js';
import { collectGarbage } from '../lib/collect-garbage.js';
import type { Logger } from '../lib/log.js';
import { MemoryGuard, type MemoryReading, systemMemory } from '../lib/memory-guard.js';
import type { PressureLevel } from '../lib/memory-pressure.js';
import type { SeriesKey } from '../pipeline/source.js';
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
  /** Default: one full garbage collection. */
  readonly collect?: () => void;
}

/**
 * What the process gives up, and in which order, when its memory nears the limit. It begins at once. What the server
 * gives up is its own business: it asks for the level.
 */
export function openRelief(options: ReliefOptions): MemoryGuard {
  const { limitBytes, clock, log, results, market, onRestartWanted } = options;
  const { probe = systemMemory, collect = collectGarbage } = options;
  const shrink = () => {
    const opened = market();
    if (opened !== null) log.info({ ...shrinkCandles(opened) }, 'candles take less memory');
  };
  const guard = new MemoryGuard({
    limitBytes,
    clock,
    probe,
    relievers: [
      { name: 'results', level: 1, enter: () => results.clear() },
      // What changed is held until it is on disk, and only what is on disk may go.
      { name: 'unsaved candles', level: 1, enter: () => market()?.cache.flush() },
      { name: 'spare candles', level: 1, enter: shrink, leave: () => market()?.cache.relax() },
      // What was given up is not free before.
      { name: 'garbage', level: 1, enter: collect },
      {
        name: 'deepening',
        level: 2,
        enter: () => market()?.deepening.pause('memory'),
        leave: () => market()?.deepening.resume('memory'),
      },
      { name: 'garbage', level: 2, enter: collect },
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

/** For a market that opens while memory is short already; what it gives up is taken up again with the rest. */
export function relieveAtOnce(market: Market, level: PressureLevel): void {
  if (level >= 1) shrinkCandles(market);
  if (level >= 2) market.deepening.pause('memory');
}

/** Every cycle asks for every series of the symbols that are scanned: of those only the room to grow may go. */
function shrinkCandles({ cache, keys }: Market): ShrinkReport {
  const textOf = ({ symbol, timeframe }: SeriesKey) => `${symbol}@${timeframe}`;
  const scanned = new Set(keys().map(textOf));
  return cache.shrink((key) => scanned.has(textOf(key)));
}
