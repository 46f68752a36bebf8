import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { foldBars, partialBar } from '../../../src/sim/market/csv/bar.js';
import { csvMarket } from '../../../src/sim/market/csv/csv-market.js';
import type { Interval } from '../../../src/sim/market/interval.js';
import type { Kline, Market } from '../../../src/sim/market/market.js';
import { closedRows, NOW } from '../../support/sim.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const HEADER = 'open_time_ms,open,high,low,close,volume\n';
const START = Date.UTC(2025, 0, 6);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'candlescan-csv-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(name: string, lines: readonly string[]): void {
  writeFileSync(join(dir, name), HEADER + lines.map((line) => `${line}\n`).join(''));
}

/** `count` candles of `step`: the price climbs by one each, with digits that a number would lose. */
function climb(count: number, step: number, start = START, from = 100): string[] {
  return Array.from({ length: count }, (_, index) => {
    const price = from + index;
    return `${start + index * step},${price}.0,${price + 2}.50,${price - 1},${price + 1}.0,${index % 7}.10`;
  });
}

const digits = (lines: readonly string[]) => lines.map((line) => line.split(',').slice(1));

/** The cells of rows that the file has too, and how much later they are served. */
function served(market: Market, symbol: string, interval: Interval, count: number, now: number) {
  const rows = closedRows(market, symbol, interval, count, now);
  return { cells: rows.map((row) => row.slice(1, 6)), times: rows.map(([time]) => time) };
}

function forming(market: Market, symbol: string, interval: Interval, now: number): Kline | null {
  const listing = market.find(symbol);
  return listing === undefined ? null : market.page(listing, interval, { limit: 1 }, now).forming;
}

describe('a recording', () => {
  it('is served in its own digits, shifted by whole periods, with its last candle forming now', async () => {
    const lines = climb(50, HOUR);
    write('AAAUSDT-1h.csv', lines);
    const market = await csvMarket(dir, { now: NOW });
    const { cells, times } = served(market, 'AAAUSDT', '1h', 60, NOW);
    expect(cells).toEqual(digits(lines).slice(0, -1));
    expect(times.at(-1)).toBe(NOW - (NOW % HOUR) - HOUR);
    expect(((times[0] as number) - START) % HOUR).toBe(0);
    expect(forming(market, 'AAAUSDT', '1h', NOW)).toMatchObject({ open: '149.0', openTime: NOW - (NOW % HOUR) });
  });

  it('at the moment of a close has that candle closed and the last one forming', async () => {
    const lines = climb(50, HOUR);
    write('AAAUSDT-1h.csv', lines);
    const now = NOW - (NOW % HOUR);
    const market = await csvMarket(dir, { now });
    expect(served(market, 'AAAUSDT', '1h', 60, now).times.at(-1)).toBe(now - HOUR);
    expect(forming(market, 'AAAUSDT', '1h', now)).toMatchObject({ open: '149.0', openTime: now });
  });

  it('of several intervals is shifted by the longest, so that none has a hole before now and all keep their grid', async () => {
    const hours = climb(100, HOUR, START, 500);
    const fives = climb(1_190, 5 * MINUTE, START);
    write('AAAUSDT-1h.csv', hours);
    write('AAAUSDT-5m.csv', fives);
    const market = await csvMarket(dir, { now: NOW });
    const five = served(market, 'AAAUSDT', '5m', 2_000, NOW);
    const hour = served(market, 'AAAUSDT', '1h', 2_000, NOW);
    const shift = (five.times[0] as number) - START;
    expect((hour.times[0] as number) - START).toBe(shift);
    expect(shift % HOUR).toBe(0);
    expect(NOW - (five.times.at(-1) as number)).toBeLessThan(10 * MINUTE);
    expect(NOW - (hour.times.at(-1) as number)).toBeLessThan(2 * HOUR);
    expect(five.cells).toEqual(digits(fives).slice(0, five.cells.length));
    expect(hour.cells).toEqual(digits(hours).slice(0, hour.cells.length));
    // At most one hour of what was recorded is still to come.
    expect(fives.length - five.cells.length).toBeLessThanOrEqual(12);
  });

  it('keeps what was recorded after now back until its time', async () => {
    const fives = climb(600, 5 * MINUTE);
    write('AAAUSDT-5m.csv', fives);
    const market = await csvMarket(dir, { now: NOW });
    const before = served(market, 'AAAUSDT', '5m', 2_000, NOW).cells.length;
    const later = served(market, 'AAAUSDT', '5m', 2_000, NOW + 10 * MINUTE);
    expect(later.cells.length).toBe(before + 2);
    expect(later.cells).toEqual(digits(fives).slice(0, before + 2));
  });

  it('goes on flat and without volume after its end', async () => {
    write('AAAUSDT-5m.csv', climb(600, 5 * MINUTE));
    const market = await csvMarket(dir, { now: NOW });
    const rows = closedRows(market, 'AAAUSDT', '5m', 30, NOW + 4 * HOUR);
    expect(rows.length).toBe(30);
    expect(rows.map((row) => row.slice(1, 6))).toEqual(rows.map(() => ['700.0', '700.0', '700.0', '700.0', '0']));
    expect(rows.every((row, index) => index === 0 || row[0] - (rows[index - 1]?.[0] as number) === 5 * MINUTE)).toBe(
      true,
    );
  });

  it('lets every symbol end now, whenever it was recorded', async () => {
    write('OLDUSDT-5m.csv', climb(600, 5 * MINUTE, START - 400 * DAY));
    write('NEWUSDT-5m.csv', climb(700, 5 * MINUTE, START + 17 * MINUTE * 5));
    const market = await csvMarket(dir, { now: NOW });
    for (const symbol of ['OLDUSDT', 'NEWUSDT']) {
      expect(forming(market, symbol, '5m', NOW)?.openTime).toBe(NOW - (NOW % (5 * MINUTE)));
    }
  });

  it('keeps its gaps', async () => {
    const lines = climb(100, HOUR).filter((_, index) => index < 90 || index > 93);
    write('AAAUSDT-1h.csv.gz', []);
    writeFileSync(join(dir, 'AAAUSDT-1h.csv.gz'), gzipSync(`${HEADER}${lines.join('\n')}`));
    const market = await csvMarket(dir, { now: NOW });
    const { cells, times } = served(market, 'AAAUSDT', '1h', 20, NOW);
    expect(cells).toEqual(digits(lines).slice(-21, -1));
    expect(times.map((time, index) => time - (times[index - 1] ?? time)).filter((step) => step > HOUR)).toEqual([
      5 * HOUR,
    ]);
    const fourHours = closedRows(market, 'AAAUSDT', '4h', 3, NOW);
    expect(fourHours.length).toBe(3);
  });

  it('has nothing for intervals shorter than its shortest file', async () => {
    write('AAAUSDT-1h.csv', climb(50, HOUR));
    const market = await csvMarket(dir, { now: NOW });
    expect(served(market, 'AAAUSDT', '5m', 10, NOW).cells).toEqual([]);
    expect(forming(market, 'AAAUSDT', '5m', NOW)).toBeNull();
  });

  it('is listed with the precision and the quote asset of its files', async () => {
    mkdirSync(join(dir, 'deep/er'), { recursive: true });
    writeFileSync(join(dir, 'README.md'), 'not a candle');
    write('deep/er/ethusdc-5m.csv', ['1736121600000,1.5,1.525,1.5,1.5,10.25']);
    const [listing] = (await csvMarket(dir, { now: NOW })).listings;
    expect(listing).toMatchObject({
      symbol: 'ETHUSDC',
      baseAsset: 'ETH',
      quoteAsset: 'USDC',
      status: 'TRADING',
      contractType: 'PERPETUAL',
      pricePrecision: 3,
      tickSize: '0.001',
      quantityPrecision: 2,
      stepSize: '0.01',
    });
  });
});

describe('a forming candle of a recording', () => {
  it('agrees with the shorter candles of the same time and only widens', async () => {
    write('AAAUSDT-5m.csv', climb(600, 5 * MINUTE));
    write('AAAUSDT-1h.csv', climb(50, HOUR));
    const market = await csvMarket(dir, { now: NOW });
    const openTime = NOW - (NOW % HOUR);
    let before: Kline | null = null;
    for (let now = openTime; now < openTime + HOUR - 10 * MINUTE; now += 47_000) {
      const hour = forming(market, 'AAAUSDT', '1h', now) as Kline;
      const five = forming(market, 'AAAUSDT', '5m', now) as Kline;
      expect([hour.close, hour.openTime]).toEqual([five.close, openTime]);
      expect(Number(hour.high)).toBeGreaterThanOrEqual(Number(before?.high ?? 0));
      expect(Number(hour.low)).toBeLessThanOrEqual(Number(before?.low ?? Infinity));
      expect(Number(hour.volume)).toBeGreaterThanOrEqual(Number(before?.volume ?? 0));
      before = hour;
    }
  });

  it('shows the prices of the file only, in four steps', () => {
    const bar = { open: '10.0', high: '12.5', low: '9', close: '11', volume: '1.000' };
    expect(partialBar(bar, 0)).toEqual({ open: '10.0', high: '10.0', low: '10.0', close: '10.0', volume: '0.250' });
    expect(partialBar(bar, 0.3)).toEqual({ open: '10.0', high: '10.0', low: '9', close: '9', volume: '0.500' });
    expect(partialBar(bar, 0.6)).toEqual({ open: '10.0', high: '12.5', low: '9', close: '12.5', volume: '0.750' });
    expect(partialBar(bar, 0.9)).toEqual(bar);
  });
});

describe('bars of a recording', () => {
  it('fold without those that have no volume, and add volumes as decimals', () => {
    const flat = { open: '9', high: '9', low: '9', close: '9', volume: '0.0' };
    const first = { open: '1.10', high: '3', low: '1', close: '2', volume: '0.1' };
    const second = { open: '2', high: '2.5', low: '0.50', close: '1.0', volume: '0.20000001' };
    expect(foldBars([flat, first, flat, second, flat])).toEqual({
      open: '1.10',
      high: '3',
      low: '0.50',
      close: '1.0',
      volume: '0.30000001',
    });
    expect(foldBars([flat, { ...flat, close: '8', low: '8' }])).toEqual({ ...flat, low: '8', close: '8' });
  });
});

describe('a folder that is no recording', () => {
  const load = () => csvMarket(dir, { now: NOW });

  it('is refused when it is empty or not there', async () => {
    await expect(load()).rejects.toThrow(`${dir}: found no candle file, allowed are SYMBOL-INTERVAL.csv[.gz]`);
    await expect(csvMarket(join(dir, 'no'), { now: NOW })).rejects.toThrow('found no folder that can be read');
  });

  it('is refused with a file of another name, and with one twice', async () => {
    write('prices.csv', climb(3, HOUR));
    await expect(load()).rejects.toThrow(/prices\.csv: found this name, allowed are SYMBOL-INTERVAL/);
    rmSync(join(dir, 'prices.csv'));
    write('AAAUSDT-1h.csv', climb(3, HOUR));
    mkdirSync(join(dir, 'more'));
    write('more/AAAUSDT-1h.csv', climb(3, HOUR));
    await expect(load()).rejects.toThrow(/more\/AAAUSDT-1h\.csv: found a second AAAUSDT-1h, allowed is one file/);
  });

  it('is refused with a file that is no gzip', async () => {
    writeFileSync(join(dir, 'AAAUSDT-1h.csv.gz'), 'plain');
    await expect(load()).rejects.toThrow(/AAAUSDT-1h\.csv\.gz: found no gzip data/);
  });

  const [good] = climb(1, HOUR) as [string];
  const later = (cells: string) => `${START + HOUR},${cells}`;
  const bad: [what: string, line: string, allowed: string][] = [
    ['too few cells', '1,2,3', '6 cells'],
    ['a time that is no integer', '2025-01-06,1,1,1,1,1', 'open_time_ms in whole milliseconds'],
    ['a time off the grid', `${START + 5},1,1,1,1,1`, 'open_time_ms on the grid of 1h'],
    ['a time that does not ascend', good, 'ascending open times'],
    ['a price that is no decimal', later('1,1e3,1,1,1'), 'high as a plain decimal above 0'],
    ['a price of 0', later('0,1,1,1,1'), 'open as a plain decimal above 0'],
    ['an empty volume', later('1,1,1,1,'), 'volume as a plain decimal'],
    ['a negative volume', later('1,1,1,1,-1'), 'volume as a plain decimal'],
    ['a high below the close', later('1,2,1,3,1'), 'low <= open, close <= high'],
  ];
  for (const [what, line, allowed] of bad) {
    it(`is refused with ${what}, naming file, line, found and allowed`, async () => {
      write('AAAUSDT-1h.csv', [good, line]);
      const message = `AAAUSDT-1h.csv, line 3: found ${JSON.stringify(line)}, allowed: ${allowed}`;
      await expect(load()).rejects.toThrow(message);
    });
  }

  it('is refused with another header, and with a header only', async () => {
    writeFileSync(join(dir, 'AAAUSDT-1h.csv'), 'time,o,h,l,c,v\n1,1,1,1,1,1\n');
    await expect(load()).rejects.toThrow('line 1: found "time,o,h,l,c,v", allowed: the header open_time_ms');
    write('AAAUSDT-1h.csv', []);
    await expect(load()).rejects.toThrow('line 2: found "no rows", allowed: at least one row');
  });
});

const data = process.env['CANDLESCAN_TEST_DATA'];

describe.skipIf(!data)('real recordings (skipped without CANDLESCAN_TEST_DATA)', () => {
  const source = (name: string) => join(data ?? '', 'candles', name);
  const linesOf = (path: string) => gunzipSync(readFileSync(path)).toString().trim().split('\n').slice(1);

  it('of perpetuals are served digit for digit, and 15m built from 5m equal those of the exchange', async () => {
    const folder = source('binance-um-perp_2025-10_won9892000');
    for (const symbol of ['BTCUSDT', 'TRUMPUSDT', '1000PEPEUSDT']) {
      for (const file of readdirSync(folder).filter((name) => name === `${symbol}-5m.csv.gz`)) {
        writeFileSync(join(dir, file), readFileSync(join(folder, file)));
      }
    }
    const market = await csvMarket(dir, { now: NOW });
    for (const symbol of ['BTCUSDT', 'TRUMPUSDT', '1000PEPEUSDT']) {
      const { cells } = served(market, symbol, '5m', 10_000, NOW);
      expect(cells.length).toBeGreaterThan(6_600);
      expect(cells).toEqual(digits(linesOf(join(folder, `${symbol}-5m.csv.gz`))).slice(0, cells.length));
    }
    for (const symbol of ['BTCUSDT', '1000PEPEUSDT']) {
      const theirs = digits(linesOf(join(folder, `${symbol}-15m.csv.gz`))).map((row) => row.map(Number));
      const ours = served(market, symbol, '15m', 10_000, NOW).cells.map((row) => row.map(Number));
      expect(ours.length).toBeGreaterThan(2_200);
      expect(ours).toEqual(theirs.slice(0, ours.length));
    }
  });

  it('with outages keep them at every interval', async () => {
    const folder = source('binance-spot_2021-04_iterativv');
    for (const name of ['LTCUSDT-5m.csv.gz', 'LTCUSDT-1h.csv.gz']) {
      writeFileSync(join(dir, name), readFileSync(join(folder, name)));
    }
    const market = await csvMarket(dir, { now: NOW });
    for (const interval of ['5m', '1h'] as const) {
      const { cells, times } = served(market, 'LTCUSDT', interval, 20_000, NOW);
      const lines = linesOf(join(folder, `LTCUSDT-${interval}.csv.gz`)).slice(0, cells.length);
      const shift = (times[0] as number) - Number(lines[0]?.split(',')[0]);
      expect(shift % HOUR).toBe(0);
      expect(cells).toEqual(digits(lines));
      expect(times).toEqual(lines.map((line) => Number(line.split(',')[0]) + shift));
    }
    const steps = served(market, 'LTCUSDT', '15m', 5_000, NOW).times;
    expect(steps.filter((time, index) => index > 0 && time - (steps[index - 1] as number) > 15 * MINUTE).length).toBe(
      2,
    );
  });
});
