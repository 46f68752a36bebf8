import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/lib/random.js';
import { createStreamSource } from '../../../src/pipeline/stream/stream-source.js';
import { SECOND } from '../../support/fake-clock.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';
import type { FakeSocket } from '../../support/stream-server-fake.js';
import { streamRig } from '../../support/stream-source.js';
import { named } from '../../support/universe.js';

describe('stream source: subscribing', () => {
  it('shards the symbols over connections on the routed path, and hears of contracts once', async () => {
    const { source, clock, exchange } = streamRig(named(530));
    source.start();
    await clock.advance(2 * SECOND);
    expect(exchange.sockets.map(({ url }) => url)).toEqual(Array(3).fill('ws://exchange:9000/market/stream'));
    const streams = exchange.sockets.flatMap((socket) => [...socket.streams]);
    expect(streams.filter((name) => name === '!contractInfo')).toHaveLength(1);
    expect(new Set(streams).size).toBe(531);
    expect(exchange.sockets.every((socket) => socket.streams.size <= 201)).toBe(true);
    expect(source.stats()).toMatchObject({ connections: { open: 3 }, streams: { pending: 531, confirmed: 0 } });
  });

  it('counts a stream as confirmed by its data, never by the acknowledgement', async () => {
    const { source, clock, exchange, forming } = streamRig(named(2));
    source.start();
    await clock.advance(SECOND);
    const [socket] = exchange.sockets as [FakeSocket];
    socket.message('{"result":null,"id":1}');
    expect(source.stats().streams).toMatchObject({ confirmed: 0 });
    socket.kline({ symbol: 'S0USDT', ...forming() });
    expect(source.stats().streams).toMatchObject({ pending: 2, confirmed: 1 });
  });

  it('follows the universe: connections stay, new symbols are added, lost ones are dropped', async () => {
    const { source, exchange, log, trade } = streamRig(named(4), 3);
    source.start();
    await trade(2 * SECOND);
    const before = exchange.sockets.length;
    source.setSymbols([...named(4).slice(1), 'NEWUSDT']);
    await trade(2 * SECOND);
    expect(exchange.sockets).toHaveLength(before);
    expect(exchange.carrying('S0USDT')).toHaveLength(0);
    expect(exchange.carrying('NEWUSDT')).toHaveLength(1);
    expect(source.stats().streams).toMatchObject({ wanted: 0, confirmed: 4 });
    // What the exchange sent before it heard that the symbol is gone.
    exchange.live[0]?.kline({ symbol: 'S0USDT', openTime: MIDNIGHT - STEP_MS, closed: true });
    expect(source.stats()).toMatchObject({ unsubscribed: 1, closed: 0 });
    expect(log.closed).toEqual([]);
  });

  it('closes a connection that carries nothing any more, and goes on hearing of contracts', async () => {
    const { source, exchange, log, trade } = streamRig(['AUSDT', 'BUSDT'], 1);
    source.start();
    await trade(2 * SECOND);
    source.setSymbols(['BUSDT']);
    await trade(2 * SECOND);
    expect(exchange.live).toHaveLength(1);
    exchange.live[0]?.message('{"e":"contractInfo","E":1,"s":"NEWUSDT","ct":"PERPETUAL","cs":"TRADING"}');
    expect([...(exchange.live[0]?.streams ?? [])]).toEqual(['busdt@kline_5m', '!contractInfo']);
    expect(log.contracts).toEqual(['NEWUSDT TRADING']);
    source.setSymbols([]);
    await trade(2 * SECOND);
    expect(exchange.live).toEqual([]);
  });

  it('does nothing before start and nothing after stop', async () => {
    const { source, clock, exchange } = streamRig(named(2));
    await clock.advance(SECOND);
    expect(exchange.sockets).toEqual([]);
    await source.stop();
    source.start();
    source.setSymbols(named(3));
    await clock.advance(SECOND);
    expect(exchange.sockets).toEqual([]);
  });

  it('refuses a url that is none', () => {
    const { clock, log } = streamRig([]);
    expect(() =>
      createStreamSource({
        url: 'exchange',
        symbols: [],
        timeframe: '5m',
        streamsPerConnection: 200,
        clock,
        random: seededRandom(1),
        handlers: log,
      }),
    ).toThrow(TypeError);
  });
});

describe('stream source: candles', () => {
  it('tells closed candles at once and forming ones every 250 ms', async () => {
    const { source, clock, exchange, log, forming } = streamRig(['AUSDT']);
    source.start();
    await clock.advance(SECOND);
    exchange.kline({ symbol: 'AUSDT', ...forming(103) });
    exchange.kline({ symbol: 'AUSDT', openTime: MIDNIGHT - STEP_MS, closed: true, close: 102 });
    expect(log.closed).toMatchObject([{ symbol: 'AUSDT', openTime: MIDNIGHT - STEP_MS, close: 102, how: 'flag' }]);
    expect(log.forming).toEqual([]);
    await clock.advance(250);
    expect(log.forming).toEqual([{ symbol: 'AUSDT', close: 103 }]);
  });

  it('W6: counts what it cannot use and lives on', async () => {
    const { source, clock, exchange, notices, forming } = streamRig(['AUSDT']);
    source.start();
    await clock.advance(SECOND);
    const [socket] = exchange.sockets as [FakeSocket];
    for (const text of ['<html>', '{"e":"aggTrade","E":1}', '{"code":2,"msg":"Invalid request"}']) socket.message(text);
    socket.kline({ symbol: 'STRANGERUSDT', ...forming() });
    socket.kline({ symbol: 'AUSDT', openTime: MIDNIGHT + 3 * STEP_MS });
    expect(source.stats()).toMatchObject({
      messages: 5,
      malformed: { json: 1, future: 1 },
      unknown: 1,
      refused: 1,
      unsubscribed: 1,
      connections: { open: 1 },
    });
    expect(notices('refused')).toEqual([{ kind: 'refused', id: null, code: 2, message: 'Invalid request' }]);
  });
});
