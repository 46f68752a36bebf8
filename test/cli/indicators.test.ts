import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { candlescan, temporaryDir } from '../support/cli.js';

const cwd = temporaryDir();
const HEADER = 'open_time_ms,open,high,low,close,volume';
const rows = Array.from({ length: 60 }, (_, index) => {
  const close = 100 + ((index * 7) % 13);
  return `${1_767_225_600_000 + index * 300_000},${close - 1},${close + 2},${close - 2},${close},${10 + index}`;
});

beforeAll(() => {
  writeFileSync(join(cwd, 'candles.csv'), `${HEADER}\n${rows.join('\n')}\n`);
  writeFileSync(join(cwd, 'candles.csv.gz'), gzipSync(`${HEADER}\n${rows.join('\n')}\n`));
});

describe('indicators', () => {
  it('lists every indicator with parameters, outputs and warm-up', async () => {
    const list = JSON.parse((await candlescan(['indicators', '--json'])).stdout) as {
      name: string;
      warmup: number;
      parameters: object;
    }[];
    const names = list.map(({ name }) => name);
    for (const name of 'sma ema wma rma rsi macd bbands atr adx stoch stochrsi cci willr mfi obv vwap roc donchian keltner supertrend stddev zscore'.split(
      ' ',
    )) {
      expect(names).toContain(name);
    }
    expect(list.find(({ name }) => name === 'macd')).toMatchObject({
      parameters: { fast: 12, slow: 26, signal: 9 },
      warmup: 33,
    });
  });

  it('computes one over a file, a row per candle, null during warm-up', async () => {
    const { code, stdout } = await candlescan(
      ['indicators', 'sma', '--params', 'period=3', '--csv', 'candles.csv', '--json'],
      {},
      cwd,
    );
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as { columns: string[]; warmup: number; rows: [number, number | null][] };
    expect(result).toMatchObject({ indicator: 'sma', parameters: { period: 3 }, warmup: 2, columns: ['value'] });
    expect(result.rows).toHaveLength(60);
    expect(result.rows.slice(0, 2).map(([, value]) => value)).toEqual([null, null]);
    // Closes 100, 107, 101, 108: the means of three.
    expect(result.rows[2]?.[1]).toBeCloseTo(308 / 3, 12);
    expect(result.rows[3]?.[1]).toBeCloseTo(316 / 3, 12);
  });

  it('prints CSV that lines up with the candles, and reads gzip', async () => {
    const { stdout } = await candlescan(['indicators', 'macd', '--csv', 'candles.csv.gz'], {}, cwd);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toBe('open_time_ms,macd,signal,histogram');
    expect(lines).toHaveLength(61);
    expect(lines[1]).toBe('1767225600000,,,');
    expect(lines[60]).toMatch(/^1767243300000(,-?\d+\.\d+){3}$/);
  });

  it.each([
    ['an unknown indicator', ['nope', '--csv', 'candles.csv'], /unknown indicator nope/],
    ['an unknown parameter', ['rsi', '--params', 'length=3', '--csv', 'candles.csv'], /length/],
    ['a parameter out of range', ['rsi', '--params', 'period=0', '--csv', 'candles.csv'], /period.*0/],
    ['a file that is not there', ['rsi', '--csv', 'none.csv'], /none\.csv/],
    ['a row that is no candle', ['rsi', '--csv', 'bad.csv'], /bad\.csv:3: found "17,1,2,x,1,1"/],
    ['a disordered row', ['rsi', '--csv', 'order.csv'], /order\.csv:3: found the open time 5 after 17/],
  ])('exits with 2 and names the place for %s', async (_, args, message) => {
    writeFileSync(join(cwd, 'bad.csv'), `${HEADER}\n1,1,2,1,1,1\n17,1,2,x,1,1\n`);
    writeFileSync(join(cwd, 'order.csv'), `${HEADER}\n17,1,2,1,1,1\n5,1,2,1,1,1\n`);
    const run = await candlescan(['indicators', ...args], {}, cwd);
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(message);
  });
});

describe('analyzers', () => {
  it('lists the built-in ones with version, parameters, warm-up, dependencies and origin', async () => {
    const list = JSON.parse((await candlescan(['analyzers', '--json'])).stdout) as Record<string, unknown>[];
    expect(list.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'trend',
        'momentum',
        'macd',
        'squeeze',
        'donchian',
        'supertrend',
        'volume',
        'patterns',
        'confluence',
      ]),
    );
    for (const analyzer of list) {
      expect(analyzer).toMatchObject({ version: '1.0.0', origin: 'built-in' });
      expect(analyzer['warmup']).toBeLessThanOrEqual(99);
    }
  });

  it('refuses an analyzer or parameter that does not exist, naming what does', async () => {
    const unknown = await candlescan(['analyzers', '--set', 'analyzers.enabled=nope']);
    expect(unknown).toMatchObject({ code: 78, stdout: '' });
    expect(unknown.stderr).toMatch(/nope.*trend/);
    const parameter = await candlescan([
      'analyzers',
      '--set',
      'analyzers.enabled=[{name: trend, parameters: {speed: 3}}]',
    ]);
    expect(parameter.code).toBe(78);
    expect(parameter.stderr).toMatch(/speed.*fast/);
  });
});
