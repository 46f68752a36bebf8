import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/lib/random.js';
import type { StreamNotice } from '../../../src/pipeline/stream/contract.js';
import { createStreamSource, type StreamSource } from '../../../src/pipeline/stream/stream-source.js';
import { FakeClock, settled } from '../../support/fake-clock.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';
import { FakeExchange, type FakeSocket, HandlerLog } from '../../support/stream-server-fake.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const symbolsOf = (count: number) => Array.from({ length: count }, (_, i) => `S${i}USDT`);

let clock: FakeClock;
let exchange: FakeExchange;
let log: HandlerLog;
let source: StreamSource;

function build(symbols: readonly string[], streamsPerConnection = 200): void {
  source = createStreamSource({
    url: 'ws://exchange:9000',
    symbols,
    timeframe: '5m',
    streamsPerConnection,
    clock,
    random: seededRandom(7),
    handlers: log,
    connect: exchange.connect,
  });
}

const openTime = () => Math.floor(clock.now() / STEP_MS) * STEP_MS;
const forming = (close = 100) => ({ openTime: openTime(), eventTime: clock.now(), close });
const notices = (kind: StreamNotice['kind']) => log.notices.filter((notice) => notice.kind === kind);

/** Lets time pass while every subscribed stream, but those excepted, sends a frame a second and closes its candles. */
async function trade(ms: number, except?: ReadonlySet<string>): Promise<void> {
  for (let left = ms; left > 0; left -= SECOND) {
    const before = openTime();
    await clock.advance(Math.min(SECOND, left));
    if (openTime() !== before) exchange.klines({ openTime: before, closed: true, eventTime: clock.now() }, except);
    exchange.klines(forming(), except);
  }
}

/** The same in steps of 25 s, without closes: for hours in which nothing is looked at. */
async function idle(ms: number): Promise<void> {
  const until = clock.now() + ms;
  while (clock.now() < until) {
    await clock.advance(Math.min(25 * SECOND - (clock.now() % (25 * SECOND)), until - clock.now()));
    exchange.klines(forming());
  }
}

beforeEach(() => {
  clock = new FakeClock(MIDNIGHT + 10 * SECOND);
  exchange = new FakeExchange();
  log = new HandlerLog();
});

afterEach(async () => {
  await source.stop();
  expect(clock.pendingTimers).toBe(0);
  expect(exchange.live).toEqual([]);
});

describe('stream source: subscribing', () => {
  it('shards the symbols over connections on the routed path, and hears of contracts once', async () => {
    build(symbolsOf(530));
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
    build(symbolsOf(2));
    source.start();
    await clock.advance(SECOND);
    const [socket] = exchange.sockets as [FakeSocket];
    socket.message('{"result":null,"id":1}');
    expect(source.stats().streams).toMatchObject({ confirmed: 0 });
    socket.kline({ symbol: 'S0USDT', ...forming() });
    expect(source.stats().streams).toMatchObject({ pending: 2, confirmed: 1 });
  });

  it('follows the universe: connections stay, new symbols are added, lost ones are dropped', async () => {
    build(symbolsOf(4), 3);
    source.start();
    await trade(2 * SECOND);
    const before = exchange.sockets.length;
    source.setSymbols([...symbolsOf(4).slice(1), 'NEWUSDT']);
    await trade(2 * SECOND);
    expect(exchange.sockets).toHaveLength(before);
    expect(exchange.carrying('S0USDT')).toHaveLength(0);
    expect(exchange.carrying('NEWUSDT')).toHaveLength(1);
    expect(source.stats().streams).toMatchObject({ wanted: 0, confirmed: 4 });
    expect(log.closed).toEqual([]);
  });

  it('closes a connection that carries nothing any more, and goes on hearing of contracts', async () => {
    build(['AUSDT', 'BUSDT'], 1);
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
    build(symbolsOf(2));
    await clock.advance(SECOND);
    expect(exchange.sockets).toEqual([]);
    await source.stop();
    source.start();
    source.setSymbols(symbolsOf(3));
    await clock.advance(SECOND);
    expect(exchange.sockets).toEqual([]);
  });

  it('refuses a url that is none', () => {
    build([]);
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
    build(['AUSDT']);
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
    build(['AUSDT']);
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

describe('stream source: lost connections', () => {
  it('W1: reconnects 16 connections that fall at once, tells what to refill, and stays under 31 connects', async () => {
    build(symbolsOf(160), 10);
    source.start();
    await trade(90 * SECOND);
    expect(log.resumed).toHaveLength(16);
    expect(log.resumed.every(({ since }) => since === null)).toBe(true);
    const lostAt = clock.now();
    for (const socket of exchange.live) socket.end({ reason: 'closed', detail: 'close 1012' });
    await trade(20 * SECOND);
    const resumed = log.resumed.slice(16);
    expect(source.stats()).toMatchObject({ reconnects: { closed: 16 }, connects: 30, connections: { waiting: 2 } });
    expect(resumed).toHaveLength(14);
    expect(resumed.every(({ since }) => since === lostAt - 5 * SECOND)).toBe(true);
    await trade(300 * SECOND);
    expect(new Set(log.resumed.slice(16).flatMap(({ symbols }) => symbols)).size).toBe(160);
  });

  it('W1, I9: tries again for as long as the exchange is down, and is back soon after it is', async () => {
    build(symbolsOf(300), 100);
    source.start();
    await trade(60 * SECOND);
    const up = exchange.onConnect;
    exchange.onConnect = (socket) => queueMicrotask(() => socket.end({ reason: 'network', detail: 'ECONNREFUSED' }));
    for (const socket of exchange.live) socket.end({ reason: 'network', detail: 'reset' });
    await clock.advance(2 * HOUR);
    const tries = source.stats().connects - 3;
    expect(tries).toBeGreaterThan(2 * 60);
    expect(tries).toBeLessThan((30 * 2 * HOUR) / (300 * SECOND));
    exchange.onConnect = up;
    await trade(65 * SECOND);
    expect(source.stats()).toMatchObject({ connections: { open: 3 }, streams: { confirmed: 300 } });
  });

  it('W3: replaces a connection that went mute within 15 s while the others live', async () => {
    build(symbolsOf(30), 10);
    source.start();
    await trade(60 * SECOND);
    const victim = exchange.live[1] as FakeSocket;
    const mute = new Set([...victim.streams].map((name) => name.slice(0, name.indexOf('@')).toUpperCase()));
    victim.answersClose = false;
    await trade(7 * SECOND, mute);
    expect(victim.state).toBe('open');
    await trade(2 * SECOND, mute);
    expect(victim.state).toBe('closed');
    expect(notices('lost')).toMatchObject([{ reason: 'silent', streams: 10 }]);
    await trade(3 * SECOND);
    expect(source.stats().streams).toMatchObject({ confirmed: 30 });
    expect(log.resumed.at(-1)?.symbols).toHaveLength(10);
  });

  it('W4, I1: suspects an endpoint that acknowledges and stays mute, keeps the connect budget, and recovers', async () => {
    build(symbolsOf(20), 10);
    source.start();
    await clock.advance(120 * SECOND);
    expect(notices('endpointSuspect')).toEqual([{ kind: 'endpointSuspect', connections: 2 }]);
    expect(source.stats()).toMatchObject({ endpointSuspect: true, streams: { confirmed: 0 } });
    expect(source.stats().connects).toBeLessThanOrEqual(30);
    expect(source.overdue(MIDNIGHT)).toHaveLength(20);
    await trade(70 * SECOND);
    expect(source.stats()).toMatchObject({ endpointSuspect: false, streams: { confirmed: 20 } });
    expect(notices('endpointTrusted')).toHaveLength(1);
  });
});

describe('stream source: silent streams', () => {
  const restRow = (at: number, volume: number) => [at, 100, 100, 100, 100, volume] as const;

  it('W2, I2: sees one silent stream of 20 by 5 s after the close, subscribes it again, moves it, reports it', async () => {
    build(symbolsOf(20), 15);
    source.start();
    const dead = new Set(['S3USDT']);
    await trade(60 * SECOND);
    const [home] = exchange.carrying('S3USDT');
    await trade(MIDNIGHT + STEP_MS + 4 * SECOND - clock.now(), dead);
    expect(source.overdue(MIDNIGHT + STEP_MS)).toEqual(['S3USDT']);
    source.markClosed('S3USDT', restRow(MIDNIGHT, 5));
    await trade(2 * SECOND, dead);
    expect(source.stats().staleSeries).toBe(1);
    expect(home?.control.slice(-2)).toMatchObject([
      { method: 'UNSUBSCRIBE', params: ['s3usdt@kline_5m'] },
      { method: 'SUBSCRIBE', params: ['s3usdt@kline_5m'] },
    ]);
    await trade(STEP_MS, dead);
    expect(exchange.carrying('S3USDT')).toHaveLength(1);
    expect(exchange.carrying('S3USDT')[0]).not.toBe(home);
    await trade(STEP_MS, dead);
    expect(notices('streamsSuspect')).toEqual([{ kind: 'streamsSuspect', symbols: ['S3USDT'] }]);
    await trade(STEP_MS);
    expect(source.stats().staleSeries).toBe(0);
    expect(exchange.sockets).toHaveLength(2);
  });

  it('leaves a stream alone whose candle had no trades, as REST showed', async () => {
    build(symbolsOf(10));
    source.start();
    const quiet = new Set(['S3USDT']);
    await trade(MIDNIGHT + STEP_MS + 3 * SECOND - clock.now(), quiet);
    const framesBefore = exchange.sockets[0]?.sent.length;
    source.markClosed('S3USDT', restRow(MIDNIGHT, 0));
    await trade(10 * SECOND, quiet);
    expect(exchange.sockets[0]?.sent).toHaveLength(framesBefore as number);
    expect(source.stats().staleSeries).toBe(0);
  });
});

describe('stream source: rotation', () => {
  it('W8, I8: renews every connection between 20 and 24 h, right after a close, the new one up before the old goes', async () => {
    build(symbolsOf(6), 2);
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
    while (endedAt.size < 3 && clock.monotonic() < 24 * HOUR) {
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
    build(symbolsOf(10));
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
    expect(log.closed.map(({ symbol }) => symbol).sort()).toEqual(symbolsOf(10).sort());
    expect(source.stats()).toMatchObject({ reconnects: { shutdown: 1 }, connections: { open: 1, draining: 0 } });
  });

  it('keeps the old connection until the new one has data for every stream that the old one has data for', async () => {
    build(symbolsOf(10));
    source.start();
    await trade(60 * SECOND, new Set(['S9USDT']));
    const [old] = exchange.sockets as [FakeSocket];
    old.message('{"e":"serverShutdown","E":1}');
    await clock.advance(SECOND);
    const fresh = exchange.sockets[1] as FakeSocket;
    fresh.message('{"result":null,"id":1}');
    for (const symbol of symbolsOf(8)) fresh.kline({ symbol, ...forming() });
    expect(old.state).toBe('open');
    fresh.kline({ symbol: 'S8USDT', ...forming() });
    await settled();
    expect(old.state).toBe('closed');
  });

  it('goes on with the successor when the old connection dies during the overlap', async () => {
    build(symbolsOf(10));
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

  it('keeps the old connection when the successor stays mute, and tries again', async () => {
    build(symbolsOf(10));
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
