import { describe, expect, it } from 'vitest';
import { candleIndex, candleOpenTime, INTERVALS, type Interval } from '../../../src/sim/market/interval.js';
import type { Kline, Market } from '../../../src/sim/market/market.js';
import { seededMarket } from '../../../src/sim/market/seeded/seeded-market.js';
import { closedRows, NOW, type WireRow } from '../../support/sim.js';

const MINUTE = 60_000;
const market = seededMarket({ symbols: 40, seed: 7, now: NOW });
const quiet = market.listings[15]?.symbol as string;
const delisted = market.listings.find((listing) => listing.status === 'SETTLING')?.symbol as string;
const young = market.listings[23]?.symbol as string;

/** Integer units of a decimal text, so that sums are exact. */
function units(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

/** The rule of the exchange, written down a second time and slowly. */
function aggregate(rows: readonly WireRow[]) {
  const traded = rows.filter((row) => Number(row[5]) > 0);
  const counted = traded.length > 0 ? traded : rows;
  const by = (column: number) => counted.map((row) => row[column] as string);
  const extreme = (texts: string[], sign: number) =>
    texts.reduce((a, b) => (sign * (Number(b) - Number(a)) > 0 ? b : a));
  const sum = (column: number) => rows.reduce((total, row) => total + units(row[column] as string), 0n);
  return {
    open: by(1)[0],
    high: extreme(by(2), 1),
    low: extreme(by(3), -1),
    close: by(4).at(-1),
    volume: sum(5),
    quoteVolume: sum(7),
    trades: rows.reduce((total, row) => total + row[8], 0),
    takerBase: sum(9),
    takerQuote: sum(10),
  };
}

function asAggregate([, open, high, low, close, volume, , quoteVolume, trades, takerBase, takerQuote]: WireRow) {
  return {
    open,
    high,
    low,
    close,
    volume: units(volume),
    quoteVolume: units(quoteVolume),
    trades,
    takerBase: units(takerBase),
    takerQuote: units(takerQuote),
  };
}

function klineAt(of: Market, symbol: string, interval: Interval, now: number): Kline {
  const listing = of.find(symbol);
  const openTime = candleOpenTime(interval, candleIndex(interval, now));
  const kline = listing && of.kline(listing, interval, openTime, now);
  if (!kline) throw new Error(`no candle of ${symbol}`);
  return kline;
}

describe('longer candles of the seeded market', () => {
  const minutes = new Map(
    ['BTCUSDT', quiet, delisted].map((symbol) => [symbol, closedRows(market, symbol, '1m', 12_000, NOW)]),
  );

  for (const interval of ['3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '3d'] as const) {
    it(`are exact aggregates of the minutes at ${interval}`, () => {
      for (const [symbol, rows] of minutes) {
        const oldest = rows[0]?.[0] as number;
        const complete = closedRows(market, symbol, interval, 200, NOW).filter((row) => row[0] >= oldest);
        expect(complete.length).toBeGreaterThan(0);
        for (const row of complete) {
          const inside = rows.filter(([time]) => time >= row[0] && time <= row[6]);
          expect(asAggregate(row)).toEqual(aggregate(inside));
        }
      }
    });
  }

  it('add up to weeks and calendar months', () => {
    for (const [interval, part] of [
      ['1w', '1d'],
      ['1M', '1d'],
    ] as const) {
      const [row] = closedRows(market, 'ETHUSDT', interval, 3, NOW).slice(-1) as [WireRow];
      const inside = closedRows(market, 'ETHUSDT', part, 90, NOW).filter(([time]) => time >= row[0] && time <= row[6]);
      expect(inside.length).toBe(interval === '1w' ? 7 : 28);
      expect(asAggregate(row)).toEqual(aggregate(inside));
    }
    expect(new Date(candleOpenTime('1w', candleIndex('1w', NOW))).getUTCDay()).toBe(1);
  });
});

describe('the seeded market', () => {
  it('is the same for the same seed, in any order of asking, and another for another seed', () => {
    const again = seededMarket({ symbols: 40, seed: 7, now: NOW });
    const hours = closedRows(again, 'SOLUSDT', '1h', 50, NOW);
    closedRows(again, 'SOLUSDT', '1m', 5, NOW - 90 * 86_400_000);
    expect(closedRows(market, 'SOLUSDT', '1h', 50, NOW)).toEqual(hours);
    expect(closedRows(again, 'SOLUSDT', '1h', 50, NOW)).toEqual(hours);
    expect(closedRows(seededMarket({ symbols: 40, seed: 8, now: NOW }), 'SOLUSDT', '1h', 50, NOW)).not.toEqual(hours);
  });

  it('does not change a closed candle as time passes', () => {
    const before = closedRows(market, 'XRPUSDT', '15m', 20, NOW);
    const later = closedRows(market, 'XRPUSDT', '15m', 24, NOW + 60 * MINUTE);
    expect(later.slice(0, 20)).toEqual(before);
  });

  it('prints prices on the tick and volumes on the step, in rows that are sound', () => {
    for (const listing of market.listings.slice(0, 40)) {
      const rows = (['1m', '5m', '1h'] as const).flatMap((interval) =>
        closedRows(market, listing.symbol, interval, 40, NOW),
      );
      for (const row of rows) {
        const [open, high, low, close] = [row[1], row[2], row[3], row[4]].map(units) as [
          bigint,
          bigint,
          bigint,
          bigint,
        ];
        expect(low > 0n && low <= open && low <= close && high >= open && high >= close).toBe(true);
        for (const price of [row[1], row[2], row[3], row[4]]) {
          expect(price.split('.')[1]?.length ?? 0).toBe(listing.pricePrecision);
          expect(Number(units(price) % units(listing.tickSize))).toBe(0);
        }
        expect(row[5].split('.')[1]?.length ?? 0).toBe(listing.quantityPrecision);
        const [volume, quote] = [Number(row[5]), Number(row[7])];
        if (volume > 0) {
          const mean = quote / volume;
          expect(mean).toBeGreaterThanOrEqual(Number(row[3]) - Number(listing.tickSize));
          expect(mean).toBeLessThanOrEqual(Number(row[2]));
          expect(row[8]).toBeGreaterThanOrEqual(4);
        }
        expect(Number(row[9])).toBeLessThanOrEqual(volume);
        expect(Number(row[10])).toBeLessThanOrEqual(quote);
      }
    }
  });

  it('moves: closes differ, swings are wide and narrow, some minutes spike', () => {
    const rows = closedRows(market, 'ETHUSDT', '5m', 1_000, NOW);
    const ranges = rows.map((row) => Number(row[2]) / Number(row[3]) - 1).sort((a, b) => a - b);
    expect(new Set(rows.map((row) => row[4])).size).toBeGreaterThan(900);
    expect((ranges[950] as number) / (ranges[50] as number)).toBeGreaterThan(3);
    const volumes = rows.map((row) => Number(row[5])).sort((a, b) => a - b);
    expect((volumes[999] as number) / (volumes[500] as number)).toBeGreaterThan(5);
    const day = closedRows(market, 'ETHUSDT', '1d', 60, NOW).map((row) => Number(row[4]));
    expect(Math.max(...day) / Math.min(...day)).toBeGreaterThan(1.05);
  });

  it('has quiet symbols with flat candles without volume at the previous close', () => {
    const rows = closedRows(market, quiet, '1m', 3_000, NOW);
    const flat = rows.filter((row) => Number(row[5]) === 0);
    expect(flat.length).toBeGreaterThan(300);
    expect(flat.length).toBeLessThan(2_900);
    for (const [index, row] of rows.entries()) {
      if (index === 0 || Number(row[5]) > 0) continue;
      const previous = rows[index - 1]?.[4];
      expect([row[1], row[2], row[3], row[4]]).toEqual([previous, previous, previous, previous]);
      expect(row[8]).toBe(0);
    }
    const five = closedRows(market, quiet, '5m', 1_400, NOW).filter((row) => Number(row[5]) === 0);
    expect(five.length).toBeGreaterThan(20);
  });

  it('keeps a delisted symbol flat from its delivery on', () => {
    const listing = market.find(delisted);
    const rows = closedRows(market, delisted, '1h', 100, NOW);
    expect(listing?.deliveryDate).toBeLessThan(rows[0]?.[0] as number);
    expect(new Set(rows.map((row) => row[4])).size).toBe(1);
    expect(rows.every((row) => Number(row[5]) === 0)).toBe(true);
    const last = closedRows(market, delisted, '1m', 3, listing?.deliveryDate as number).at(-1);
    expect(last?.[4]).toBe(rows[0]?.[4]);
    expect(Number(last?.[5])).toBeGreaterThan(0);
  });

  it('has no candle before a listing', () => {
    const listing = market.find(young);
    const rows = closedRows(market, young, '1h', 99, NOW);
    expect(rows.length).toBeLessThan(99);
    expect(rows[0]?.[0]).toBe(listing?.onboardDate);
    const pending = market.listings.find((row) => row.status === 'PENDING_TRADING');
    expect(closedRows(market, pending?.symbol as string, '5m', 10, NOW)).toEqual([]);
  });
});

describe('a forming candle of the seeded market', () => {
  for (const symbol of ['BTCUSDT', quiet]) {
    it(`only widens and grows until it is the final one (${symbol === quiet ? 'a quiet symbol' : symbol})`, () => {
      const openTime = candleOpenTime('15m', candleIndex('15m', NOW));
      const final = closedRows(market, symbol, '15m', 1, openTime + 15 * MINUTE)[0] as WireRow;
      let before: Kline | null = null;
      for (let elapsed = 0; elapsed < 15 * MINUTE; elapsed += 7_321) {
        const kline = klineAt(market, symbol, '15m', openTime + elapsed);
        expect(kline.openTime).toBe(openTime);
        expect(kline.closeTime).toBe(openTime + 15 * MINUTE - 1);
        if (Number(kline.volume) > 0) {
          expect(Number(kline.high)).toBeLessThanOrEqual(Number(final[2]));
          expect(Number(kline.low)).toBeGreaterThanOrEqual(Number(final[3]));
          expect(kline.open).toBe(final[1]);
        }
        if (before !== null && Number(before.volume) > 0) {
          expect(Number(kline.high)).toBeGreaterThanOrEqual(Number(before.high));
          expect(Number(kline.low)).toBeLessThanOrEqual(Number(before.low));
        }
        for (const name of ['volume', 'quoteVolume', 'trades', 'takerBase', 'takerQuote'] as const) {
          if (before !== null) expect(Number(kline[name])).toBeGreaterThanOrEqual(Number(before[name]));
        }
        before = kline;
      }
      expect(Number(before?.volume)).toBeLessThanOrEqual(Number(final[5]));
      const closed = klineAt(market, symbol, '15m', openTime + 15 * MINUTE - 1);
      expect(Number(closed.high)).toBeLessThanOrEqual(Number(final[2]));
    });
  }

  it('starts flat at the previous close', () => {
    const openTime = candleOpenTime('5m', candleIndex('5m', NOW));
    const previous = closedRows(market, 'BTCUSDT', '5m', 1, openTime)[0] as WireRow;
    const kline = klineAt(market, 'BTCUSDT', '5m', openTime);
    expect(kline).toMatchObject({
      open: previous[4],
      high: previous[4],
      low: previous[4],
      close: previous[4],
      trades: 0,
    });
    expect(Number(kline.volume)).toBe(0);
  });
});

describe('the listings of the seeded market', () => {
  const listings = seededMarket({ symbols: 530, seed: 1, now: NOW }).listings;
  const scanned = listings.filter(
    (row) => row.quoteAsset === 'USDT' && row.status === 'TRADING' && row.contractType === 'PERPETUAL',
  );

  it('are the asked number of USDT perpetuals that trade and a quarter of others, all named differently', () => {
    expect(scanned.length).toBe(530);
    expect(listings.length).toBeGreaterThan(650);
    expect(new Set(listings.map((row) => row.symbol)).size).toBe(listings.length);
  });

  it('hold every kind that a scanner must leave out', () => {
    const count = (test: (row: (typeof listings)[number]) => boolean) => listings.filter(test).length;
    expect(count((row) => row.status === 'SETTLING')).toBeGreaterThan(20);
    expect(count((row) => row.status === 'PENDING_TRADING' && row.contractType === '')).toBe(1);
    expect(count((row) => row.contractType === 'TRADIFI_PERPETUAL')).toBeGreaterThan(10);
    expect(count((row) => row.quoteAsset === 'USDC')).toBeGreaterThan(10);
    const quarterlies = listings.filter((row) => row.contractType.endsWith('QUARTER')).map((row) => row.symbol);
    expect(quarterlies).toEqual(['BTCUSDT_260327', 'BTCUSDT_260626', 'ETHUSDT_260327', 'ETHUSDT_260626']);
  });

  it('hold Chinese names and young listings among the perpetuals', () => {
    expect(scanned.map((row) => row.symbol)).toEqual(expect.arrayContaining(['BTCUSDT', '币安人生USDT', '龙虾USDT']));
    const ages = scanned.map((row) => NOW - row.onboardDate).filter((age) => age < 99 * 3_600_000);
    expect(ages.length).toBeGreaterThanOrEqual(3);
    expect(Math.min(...ages)).toBeGreaterThan(0);
  });

  it('are served at every interval', () => {
    for (const interval of INTERVALS) {
      const rows = closedRows(market, 'BTCUSDT', interval, 3, NOW);
      expect(rows.length).toBe(3);
      for (const row of rows) expect(candleOpenTime(interval, candleIndex(interval, row[0]) + 1) - 1).toBe(row[6]);
    }
  });
});
