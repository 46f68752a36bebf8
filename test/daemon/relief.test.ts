import { describe, expect, it } from 'vitest';
import type { Market } from '../../src/daemon/market.js';
import { openRelief, relieveAtOnce } from '../../src/daemon/relief.js';
import type { LogMethod } from '../../src/lib/log.js';
import type { SeriesKey } from '../../src/pipeline/source.js';
import { FakeClock } from '../support/fake-clock.js';
import { silentLog } from '../support/silent-log.js';

/** A process of 100 bytes at most; `use` sets what it takes, and lets the readings of a minute pass. */
function build({ hasMarket = true, flush = async () => {} } = {}) {
  const clock = new FakeClock();
  const did: string[] = [];
  const told: string[] = [];
  let rssBytes = 10;
  const note =
    (level: string): LogMethod =>
    (...args: readonly unknown[]) =>
      void told.push(`${level}: ${String(args.at(-1))}`);
  const market = {
    cache: {
      flush: () => (did.push('flush'), flush()),
      shrink: (isWanted: (key: SeriesKey) => boolean) => {
        const asked = ['AUSDT', 'GONEUSDT'].flatMap((symbol) => [
          { symbol, timeframe: '5m' as const },
          { symbol, timeframe: '1h' as const },
        ]);
        did.push(
          `shrink to ${asked
            .filter(isWanted)
            .map(({ symbol, timeframe }) => symbol + timeframe)
            .join()}`,
        );
        return { series: 2, bytes: 20 };
      },
      relax: () => void did.push('relax'),
    },
    keys: () => (['5m', '1h'] as const).map((timeframe) => ({ symbol: 'AUSDT', timeframe })),
    deepening: {
      pause: (by: string) => void did.push(`pause for ${by}`),
      resume: (by: string) => void did.push(`resume for ${by}`),
    },
  } as unknown as Market;
  const guard = openRelief({
    limitBytes: 100,
    clock,
    log: { ...silentLog(), info: note('info'), warn: note('warn'), error: note('error') },
    results: { clear: () => void did.push('clear') },
    market: () => (hasMarket ? market : null),
    onRestartWanted: () => void did.push('restart'),
    probe: () => ({ rssBytes }),
    collect: () => void did.push('collect'),
  });
  const use = async (bytes: number) => {
    rssBytes = bytes;
    await clock.advance(60_000);
    return did.splice(0);
  };
  return { clock, did, guard, market, told, use };
}

const LEVEL_1 = ['clear', 'flush', 'shrink to AUSDT5m,AUSDT1h', 'collect'];
const LEVEL_2 = ['pause for memory', 'collect'];

describe('openRelief', () => {
  it('gives up results and spare candles first, then background work, then the process, and takes work up again', async () => {
    const { guard, use, told } = build();
    expect(await use(79)).toEqual([]);
    expect(await use(85)).toEqual(LEVEL_1);
    expect(await use(105)).toEqual(LEVEL_2);
    expect(await use(125)).toEqual(['restart']);
    expect(await use(50)).toEqual(['resume for memory', 'relax']);
    expect(await use(85)).toEqual(LEVEL_1);
    expect(told).toEqual([
      'warn: memory pressure rose to 1',
      'info: candles take less memory',
      'warn: memory pressure rose to 2',
      'warn: memory pressure rose to 3',
      ...[2, 1, 0].map((level) => `info: memory pressure fell to ${level}`),
      'warn: memory pressure rose to 1',
      'info: candles take less memory',
    ]);
    await guard.stop();
  });

  it('goes through all levels when memory jumps, each once', async () => {
    const { guard, use } = build();
    expect(await use(200)).toEqual([...LEVEL_1, ...LEVEL_2, 'restart']);
    await guard.stop();
  });

  it('gives back what it can before there is a market', async () => {
    const { guard, use, told } = build({ hasMarket: false });
    expect(await use(125)).toEqual(['clear', 'collect', 'collect', 'restart']);
    expect(told).not.toContain('error: memory could not be given back');
    await guard.stop();
  });

  it('tells when something could not be given back, and goes on with the rest', async () => {
    const { guard, use, told } = build({ flush: () => Promise.reject(new Error('disk')) });
    expect(await use(105)).toEqual([...LEVEL_1, ...LEVEL_2]);
    expect(told).toContain('error: memory could not be given back');
    await guard.stop();
  });

  it('leaves no timer when it is stopped', async () => {
    const { clock, guard, use } = build();
    await use(105);
    await guard.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('relieveAtOnce', () => {
  it.each([
    [0, []],
    [1, LEVEL_1.slice(2, 3)],
    [2, [...LEVEL_1.slice(2, 3), 'pause for memory']],
    [3, [...LEVEL_1.slice(2, 3), 'pause for memory']],
  ] as const)('has a market that opens at level %i give up %j', async (level, given) => {
    const { did, guard, market } = build();
    relieveAtOnce(market, level);
    expect(did).toEqual(given);
    await guard.stop();
  });
});
