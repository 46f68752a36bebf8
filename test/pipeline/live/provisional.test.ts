import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { windowDigest } from '../../../src/cache/window-digest.js';
import type { CandleRow } from '../../../src/domain/candle.js';
import { deriveCandle } from '../../../src/domain/derive.js';
import { columnsOf, type Series, type SeriesWindow } from '../../../src/domain/series.js';
import { lastClosedOpenTime, type Slot } from '../../../src/domain/slot.js';
import { type Timeframe, timeframeMs } from '../../../src/domain/timeframe.js';
import { seededRandom } from '../../../src/lib/random.js';
import { provisionalWindows } from '../../../src/pipeline/live/provisional.js';
import { MemoryStore } from '../../../src/pipeline/store.js';
import { randomRow } from '../../support/cache.js';
import { seriesOf } from '../../support/candles.js';

const MIDNIGHT = Date.UTC(2026, 0, 1);
const TIMEFRAMES = ['5m', '15m', '1h'] as const;
const LONGER = ['15m', '1h'] as const;
const STEP_MS = timeframeMs('5m');
const KEY = { symbol: 'AUSDT', timeframe: '5m' } as const;

interface BuildOptions {
  readonly slot?: Slot;
  readonly held?: number;
  readonly lookback?: number;
  readonly seed?: number;
  readonly derived?: readonly Timeframe[];
}

/** A symbol whose longer candles are derived, with everything that closed before the slot. */
function build({ slot = MIDNIGHT, held = 40, lookback = 40, seed = 1, derived = LONGER }: BuildOptions = {}) {
  const random = seededRandom(seed);
  const store = new MemoryStore();
  const openTime = slot - STEP_MS;
  const rows = Array.from({ length: held }, (_, index) => randomRow(openTime - (held - index) * STEP_MS, random));
  const base = seriesOf('AUSDT', '5m', rows, lookback);
  store.set(base);
  for (const timeframe of LONGER) {
    const spanMs = timeframeMs(timeframe);
    const newest = lastClosedOpenTime(openTime, timeframe);
    const longer = Array.from({ length: 10 }, (_, index) => randomRow(newest - (9 - index) * spanMs, random));
    store.set(seriesOf('AUSDT', timeframe, longer, 10));
  }
  let forming: CandleRow | null = randomRow(openTime, random);
  const options = {
    store,
    timeframes: TIMEFRAMES,
    derived,
    forming: (_: string, time: number) => (time === forming?.[0] ? forming : null),
  };
  const windows = () => provisionalWindows(options, 'AUSDT', slot);
  const setForming = (row: CandleRow | null) => {
    forming = row;
  };
  return { store, base, windows, slot, openTime, setForming, forming: () => forming as CandleRow };
}

/** What the series will be once the candle is final, made the way in which the stream makes it. */
function finalWindows({ store, slot, forming }: ReturnType<typeof build>): SeriesWindow[] {
  const base = store.get(KEY) as Series;
  expect(base.append(forming(), 'stream', slot)).toBeNull();
  for (const timeframe of LONGER) {
    const series = store.get({ symbol: 'AUSDT', timeframe }) as Series;
    const row = deriveCandle(base, timeframe, lastClosedOpenTime(slot, timeframe));
    if (row !== null && row[0] === (series.lastOpenTime as number) + timeframeMs(timeframe)) {
      expect(series.append(row, 'derived', slot)).toBeNull();
    }
  }
  return TIMEFRAMES.map((timeframe) => (store.get({ symbol: 'AUSDT', timeframe }) as Series).window());
}

const contentOf = (store: MemoryStore) =>
  TIMEFRAMES.map((timeframe) => {
    const window = (store.get({ symbol: 'AUSDT', timeframe }) as Series).window();
    return [window.length, windowDigest(window), columnsOf(window).openTime.at(-1)];
  });

describe('provisionalWindows', () => {
  it('are what the final ones become when the candle does not change any more', () => {
    fc.assert(
      fc.property(
        fc.nat(47),
        fc.integer({ min: 13, max: 60 }),
        fc.integer({ min: 13, max: 60 }),
        fc.nat(1_000_000),
        (slots, held, lookback, seed) => {
          const market = build({ slot: MIDNIGHT + slots * STEP_MS, held, lookback, seed });
          const windows = market.windows();
          const digests = windows?.map(windowDigest);
          expect(digests).toEqual(finalWindows(market).map(windowDigest));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('never put a candle that is not final into the store, nor change what a reader holds', () => {
    for (let slots = 0; slots < 12; slots++) {
      const market = build({ slot: MIDNIGHT + slots * STEP_MS, seed: slots });
      const before = contentOf(market.store);
      const buffers = TIMEFRAMES.map((timeframe) => market.store.get({ symbol: 'AUSDT', timeframe })?.window().buffer);
      expect(market.windows()).toHaveLength(3);
      expect(contentOf(market.store)).toEqual(before);
      const after = TIMEFRAMES.map((timeframe) => market.store.get({ symbol: 'AUSDT', timeframe })?.window().buffer);
      expect(after).toEqual(buffers);
      expect(market.base.lastOpenTime).toBe(market.openTime - STEP_MS);
    }
  });

  it('are none when the candle is final already, or its series is behind, empty or not held', () => {
    const final = build();
    final.base.append(final.forming(), 'stream', final.slot);
    expect(final.windows()).toBeNull();

    const behind = build();
    behind.store.set(seriesOf('AUSDT', '5m', [randomRow(behind.openTime - 2 * STEP_MS, seededRandom(1))]));
    expect(behind.windows()).toBeNull();

    const empty = build();
    empty.store.set(seriesOf('AUSDT', '5m', []));
    expect(empty.windows()).toBeNull();

    expect(provisionalWindows({ ...options(), store: new MemoryStore() }, 'AUSDT', MIDNIGHT)).toBeNull();
  });

  it('are none when nothing is known of the candle, or what is known is no candle', () => {
    const market = build();
    market.setForming(null);
    expect(market.windows()).toBeNull();
    market.setForming([market.openTime, 100, 90, 110, 100, 1]);
    expect(market.windows()).toBeNull();
  });

  it('leave out longer candles that end at the slot and are not derived, and keep those that ended before', () => {
    const onTheHour = build({ derived: [] }).windows();
    expect(onTheHour?.map(({ timeframe }) => timeframe)).toEqual(['5m']);
    const within = build({ derived: [], slot: MIDNIGHT + STEP_MS }).windows();
    expect(within?.map(({ timeframe }) => timeframe)).toEqual(['5m', '15m', '1h']);
  });

  it('leave out a longer series that is behind or cannot be derived whole', () => {
    const behind = build();
    const hour = timeframeMs('1h');
    behind.store.set(seriesOf('AUSDT', '1h', [randomRow(MIDNIGHT - 5 * hour, seededRandom(1))]));
    expect(behind.windows()?.map(({ timeframe }) => timeframe)).toEqual(['5m', '15m']);
    const short = build({ held: 5 });
    expect(short.windows()?.map(({ timeframe }) => timeframe)).toEqual(['5m', '15m']);
  });
});

function options(): Omit<Parameters<typeof provisionalWindows>[0], 'store'> {
  return {
    timeframes: TIMEFRAMES,
    derived: LONGER,
    forming: (_: string, time: Slot) => randomRow(time, seededRandom(1)),
  };
}
