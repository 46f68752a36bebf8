import { describe, expect, it } from 'vitest';
import { HOUR, SECOND, settled } from '../../support/fake-clock.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';
import type { FakeSocket } from '../../support/stream-server-fake.js';
import { streamRig } from '../../support/stream-source.js';
import { named } from '../../support/universe.js';

describe('stream source: rotation', () => {
  it('W8, I8: renews every connection between 20 and 23 h, right after a close, the new one up before the old goes', async () => {
    const { source, clock, exchange, log, notices, trade, idle } = streamRig(named(6), 2);
    source.start();
    const first = () => exchange.sockets.slice(0, 3);
    await idle(20 * HOUR - 60 * SECOND);
    expect(first().every(({ state }) => state === 'open')).toBe(true);
    const endedAt = new Map<FakeSocket, number>();
    const note = () => {
      const ended = first().filter((socket) => socket.state !== 'open' && !endedAt.has(socket));
      for (const socket of ended) endedAt.set(socket, clock.now());
      expect(source.stats().streams.confirmed).toBe(6);
    };
    while (endedAt.size < 3 && clock.monotonic() < 23 * HOUR) {
      await idle(STEP_MS - (clock.now() % STEP_MS) - SECOND);
      note();
      await trade(20 * SECOND);
      note();
    }
    expect(endedAt.size).toBe(3);
    expect(new Set(endedAt.values()).size).toBe(3);
    for (const at of endedAt.values()) expect(at % STEP_MS).toBeLessThan(20 * SECOND);
    expect(source.stats()).toMatchObject({ reconnects: { rotation: 3 }, connects: 6 });
    expect(notices('lost')).toEqual([]);
    expect(log.resumed).toHaveLength(3);
  });

  it('W6, W8: brings up a new connection first when the server announces its shutdown, and misses and repeats nothing', async () => {
    const { source, clock, exchange, log, trade } = streamRig(named(10));
    source.start();
    await trade(MIDNIGHT + STEP_MS - 2 * SECOND - clock.now());
    const [old] = exchange.sockets as [FakeSocket];
    exchange.onConnect = () => {};
    old.message('{"e":"serverShutdown","E":1}');
    await trade(SECOND);
    const fresh = exchange.sockets[1] as FakeSocket;
    expect(old.state).toBe('open');
    fresh.open();
    await trade(SECOND);
    expect(old.state).toBe('closed');
    await trade(SECOND);
    expect(log.closed.map(({ symbol }) => symbol).sort()).toEqual(named(10).sort());
    expect(source.stats()).toMatchObject({ reconnects: { shutdown: 1 }, connections: { open: 1, draining: 0 } });
  });

  it('keeps the old connection until the new one has data for every stream that the old one has data for', async () => {
    const { source, clock, exchange, trade, forming } = streamRig(named(10));
    source.start();
    await trade(60 * SECOND, new Set(['S9USDT']));
    const [old] = exchange.sockets as [FakeSocket];
    old.message('{"e":"serverShutdown","E":1}');
    await clock.advance(SECOND);
    const fresh = exchange.sockets[1] as FakeSocket;
    fresh.message('{"result":null,"id":1}');
    for (const symbol of named(8)) fresh.kline({ symbol, ...forming() });
    expect(old.state).toBe('open');
    fresh.kline({ symbol: 'S8USDT', ...forming() });
    await settled();
    expect(old.state).toBe('closed');
  });

  it('goes on with the successor when the old connection dies during the overlap', async () => {
    const { source, exchange, log, trade } = streamRig(named(10));
    source.start();
    await trade(60 * SECOND);
    const [old] = exchange.sockets as [FakeSocket];
    exchange.onConnect = () => {};
    old.message('{"e":"serverShutdown","E":1}');
    old.end();
    const fresh = exchange.sockets[1] as FakeSocket;
    fresh.open();
    await trade(2 * SECOND);
    expect(exchange.sockets).toHaveLength(2);
    expect(log.resumed).toHaveLength(2);
    expect(source.stats().streams).toMatchObject({ confirmed: 10 });
  });

  it('has the silence of the rest refilled when the old connection dies and the successor has brought some of the data', async () => {
    const { source, clock, exchange, log, trade, forming } = streamRig(named(10));
    source.start();
    await trade(60 * SECOND);
    const [old] = exchange.sockets as [FakeSocket];
    const heardAt = clock.now();
    old.message('{"e":"serverShutdown","E":1}');
    await clock.advance(SECOND);
    exchange.sockets[1]?.kline({ symbol: 'S0USDT', ...forming() });
    expect(log.resumed).toHaveLength(1);
    old.end();
    expect(log.resumed.slice(1)).toEqual([{ symbols: named(10), since: heardAt - 5 * SECOND }]);
  });

  it('keeps the old connection when the successor stays mute, and tries again', async () => {
    const { source, exchange, trade } = streamRig(named(10));
    source.start();
    await trade(60 * SECOND);
    const [old] = exchange.sockets as [FakeSocket];
    exchange.onConnect = () => {};
    old.message('{"e":"serverShutdown","E":1}');
    await trade(6 * SECOND);
    expect(exchange.sockets[1]?.state).toBe('closed');
    expect(old.state).toBe('open');
    expect(source.stats()).toMatchObject({ reconnects: { handshake: 1 }, streams: { confirmed: 10 } });
    exchange.onConnect = (socket) => queueMicrotask(() => socket.open());
    old.message('{"e":"serverShutdown","E":1}');
    await trade(5 * SECOND);
    expect(old.state).toBe('closed');
    expect(source.stats()).toMatchObject({ reconnects: { handshake: 1, shutdown: 1 }, streams: { confirmed: 10 } });
  });
});
