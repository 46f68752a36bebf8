import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closedRows, NOW, startTestSim, type TestSim } from '../../support/sim.js';

let sim: TestSim;
beforeAll(async () => {
  sim = await startTestSim();
});
afterAll(() => sim.stop());

type Row = Record<string, string | number>;
const get = async (path: string) => (await sim.get(`/fapi/v1/ticker/${path}`)).json as Row;

describe('tickers', () => {
  it('of 24 hours agree with the minutes of the same time', async () => {
    const ticker = await get('24hr?symbol=BTCUSDT');
    const rows = closedRows(sim.market, 'BTCUSDT', '1m', 1_440, NOW).filter(
      ([time]) => time >= Number(ticker['openTime']),
    );
    const prices = (column: 2 | 3) => rows.map((row) => Number(row[column]));
    expect(ticker['openPrice']).toBe(rows[0]?.[1]);
    expect(Number(ticker['highPrice'])).toBeGreaterThanOrEqual(Math.max(...prices(2)));
    expect(Number(ticker['lowPrice'])).toBeLessThanOrEqual(Math.min(...prices(3)));
    const volume = rows.reduce((sum, row) => sum + Number(row[5]), 0);
    expect(Number(ticker['volume']) / volume).toBeCloseTo(1, 2);
    expect(Number(ticker['lastId']) - Number(ticker['firstId']) + 1).toBe(ticker['count']);
  });

  it('name the last price, with the book around it', async () => {
    const { price } = await get('price?symbol=BTCUSDT');
    const [forming] = (await sim.get('/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1')).json as [unknown[]];
    const book = await get('bookTicker?symbol=BTCUSDT');
    expect(price).toBe(forming[4]);
    expect(book['bidPrice']).toBe(price);
    expect(Number(book['askPrice']) - Number(book['bidPrice'])).toBeCloseTo(0.1, 6);
  });

  it('without symbol are of all that trade, and of nothing else', async () => {
    for (const path of ['24hr', 'price', 'bookTicker']) {
      const rows = (await sim.get(`/fapi/v1/ticker/${path}`)).json as Row[];
      const trading = sim.market.listings.filter((listing) => listing.status === 'TRADING');
      expect(rows.map((row) => row['symbol'])).toEqual(trading.map((listing) => listing.symbol));
    }
  });

  it('of an unknown symbol are refused', async () => {
    expect(await get('24hr?symbol=NOPE')).toEqual({ code: -1121, msg: 'Invalid symbol.' });
  });
});
