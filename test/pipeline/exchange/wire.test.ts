import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseKlines } from '../../../src/pipeline/exchange/klines.js';
import { parseExchangeInfo, parseQuoteVolumes, parseServerTime } from '../../../src/pipeline/exchange/wire.js';

const dataDir = process.env.CANDLESCAN_TEST_DATA;

const market = (columns: Record<string, unknown> = {}) => ({
  symbol: 'BTCUSDT',
  pair: 'BTCUSDT',
  contractType: 'PERPETUAL',
  onboardDate: 1567965300000,
  status: 'TRADING',
  baseAsset: 'BTC',
  quoteAsset: 'USDT',
  marginAsset: 'USDT',
  somethingNew: { deep: [1] },
  ...columns,
});
const weightRule = { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: 2400 };

describe('parseExchangeInfo', () => {
  it('takes what the scanner needs and passes over the rest', () => {
    expect(parseExchangeInfo({ symbols: [market()], rateLimits: [weightRule], assets: [] })).toEqual({
      instruments: [
        {
          symbol: 'BTCUSDT',
          unified: 'BTC/USDT:USDT',
          baseAsset: 'BTC',
          quoteAsset: 'USDT',
          contractType: 'PERPETUAL',
          status: 'TRADING',
          onboardTime: 1567965300000,
        },
      ],
      weightLimit: 2400,
      dropped: 0,
    });
  });

  it('drops and counts rows that lack something, and a symbol that comes twice', () => {
    const bad = [
      null,
      [],
      'x',
      market({ symbol: '' }),
      market({ symbol: 5 }),
      market({ baseAsset: undefined }),
      market({ marginAsset: null }),
      market({ contractType: null }),
      market({ status: '' }),
      market({ onboardDate: '1567965300000' }),
      JSON.parse('{"__proto__":{"symbol":"X"}}'),
    ];
    const info = parseExchangeInfo({ symbols: [...bad, market(), market({ status: 'CLOSE' })] });
    expect(info.instruments.map(({ symbol, status }) => [symbol, status])).toEqual([['BTCUSDT', 'TRADING']]);
    expect(info.dropped).toBe(bad.length + 1);
  });

  it('keeps a pending instrument without a contract type, and any Unicode', () => {
    const symbols = [
      market({ symbol: 'NEWUSDT', contractType: '', status: 'PENDING_TRADING' }),
      market({ symbol: '币安人生USDT', baseAsset: '币安人生' }),
    ];
    expect(parseExchangeInfo({ symbols }).instruments.map(({ unified }) => unified)).toEqual([
      'BTC/USDT:USDT',
      '币安人生/USDT:USDT',
    ]);
  });

  it('tells dated futures of one pair apart', () => {
    const dated = market({ symbol: 'BTCUSDT_261225', contractType: 'CURRENT_QUARTER' });
    expect(parseExchangeInfo({ symbols: [dated] }).instruments[0]?.unified).toBe('BTC/USDT:USDT-261225');
  });

  it.each([undefined, [], [{ ...weightRule, limit: '2400' }], [{ ...weightRule, limit: 0 }], [null], 'x'])(
    'knows no weight limit from %j',
    (rateLimits) => {
      expect(parseExchangeInfo({ symbols: [market()], rateLimits }).weightLimit).toBeNull();
    },
  );
});

describe('parseServerTime', () => {
  it('takes epoch milliseconds and nothing else', () => {
    expect(parseServerTime({ serverTime: 1791382984200 })).toBe(1791382984200);
    for (const reply of [{}, null, [], { serverTime: '1791382984200' }, { serverTime: -1 }, { serverTime: 1.5 }]) {
      expect(() => parseServerTime(reply)).toThrow('serverTime');
    }
  });
});

describe('parseQuoteVolumes', () => {
  it('maps symbols to volumes and leaves out what does not parse', () => {
    const rows = [
      { symbol: 'A', quoteVolume: '2241110732.05' },
      { symbol: 'B', quoteVolume: 'NaN' },
      null,
      { symbol: 'C' },
    ];
    expect([...parseQuoteVolumes(rows)]).toEqual([['A', 2241110732.05]]);
  });

  it('refuses a reply without any volume', () => {
    for (const reply of [[], {}, null, [{}]]) expect(() => parseQuoteVolumes(reply)).toThrow('ticker/24hr');
  });
});

describe.skipIf(!dataDir)('recorded replies (skipped without CANDLESCAN_TEST_DATA)', () => {
  const recorded = (file: string) => readFileSync(join(dataDir as string, 'recorded', file));
  const json = (file: string): unknown => JSON.parse(recorded(file).toString());

  it('reads a whole list of markets without dropping a row', () => {
    const info = parseExchangeInfo(
      JSON.parse(gunzipSync(recorded('binance-fapi-exchangeInfo_LuxAlgo-PineTS.json.gz')).toString()),
    );
    const perpetuals = info.instruments.filter((one) => one.quoteAsset === 'USDT' && one.contractType === 'PERPETUAL');
    expect(info).toMatchObject({ dropped: 0, weightLimit: 2400 });
    expect(perpetuals.length).toBeGreaterThanOrEqual(500);
    expect(new Set(info.instruments.map(({ unified }) => unified)).size).toBe(info.instruments.length);
  });

  it('reads klines, time and tickers of 2026-10', () => {
    expect(parseKlines(json('polyoxide/klines_btcusdt_1m_limit2.json'), '1m', 2)).toMatchObject({
      rows: [{ 0: 1791382920000, 1: 83137.9, 5: 102.437 }, { 0: 1791382980000 }],
      refused: {},
    });
    expect(parseServerTime(json('polyoxide/time.json'))).toBe(1791382984200);
    expect(parseExchangeInfo(json('polyoxide/exchange_info.json'))).toMatchObject({ dropped: 0, weightLimit: 2400 });
    expect(parseQuoteVolumes(json('polyoxide/ticker_24hr.json')).get('XAUUSDT')).toBe(2241110732.05);
  });
});
