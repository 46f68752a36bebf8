import { describe, expect, it } from 'vitest';
import { parseRoute } from '../../../src/sim/stream/route.js';
import { parseKlineStream } from '../../../src/sim/stream/stream-name.js';

describe('paths of the stream', () => {
  it.each([
    ['/market/ws', { served: true, combined: false, streams: [] }],
    ['/market/ws/a@kline_1m', { served: true, combined: false, streams: ['a@kline_1m'] }],
    ['/market/ws/a@kline_1m/b@kline_5m', { served: true, combined: false, streams: ['a@kline_1m', 'b@kline_5m'] }],
    ['/market/ws/%E5%B8%81usdt@kline_1m', { served: true, combined: false, streams: ['币usdt@kline_1m'] }],
    ['/market/ws/%E5%B8', { served: true, combined: false, streams: ['%E5%B8'] }],
    ['/market/stream', { served: true, combined: true, streams: [] }],
    [
      '/market/stream?streams=a@kline_1m/b@kline_5m',
      { served: true, combined: true, streams: ['a@kline_1m', 'b@kline_5m'] },
    ],
    ['/market/stream?streams=%21contractInfo', { served: true, combined: true, streams: ['!contractInfo'] }],
    ['/ws', { served: false, combined: false, streams: [] }],
    ['/ws/a@kline_1m', { served: false, combined: false, streams: ['a@kline_1m'] }],
    ['/stream?streams=a@kline_1m', { served: false, combined: true, streams: ['a@kline_1m'] }],
    ['/public/stream', { served: false, combined: true, streams: [] }],
  ])('reads %s', (url, route) => {
    expect(parseRoute(url)).toEqual(route);
  });

  it.each(['/', '/market', '/market/wss', '/market/stream/a@kline_1m', '/private/ws', '/fapi/v1/klines', '/Market/ws'])(
    'knows no %s',
    (url) => {
      expect(parseRoute(url)).toBeNull();
    },
  );
});

describe('names of kline streams', () => {
  it('have the symbol in lower case and the interval in its own', () => {
    expect(parseKlineStream('btcusdt@kline_1M')).toEqual({
      name: 'btcusdt@kline_1M',
      symbol: 'BTCUSDT',
      interval: '1M',
    });
    expect(parseKlineStream('btcusdt_260626@kline_15m')).toMatchObject({ symbol: 'BTCUSDT_260626', interval: '15m' });
  });

  it.each([
    'BTCUSDT@kline_1m',
    'btcusdt@kline_1H',
    'btcusdt@kline_7m',
    'btcusdt@kline_',
    '@kline_1m',
    'btcusdt@ticker',
    '',
  ])('are not %s', (name) => {
    expect(parseKlineStream(name)).toBeNull();
  });
});
