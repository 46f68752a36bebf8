import { describe, expect, it } from 'vitest';
import { HOUR, SECOND } from '../../support/fake-clock.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';
import type { FakeSocket } from '../../support/stream-server-fake.js';
import { streamRig } from '../../support/stream-source.js';
import { named } from '../../support/universe.js';

const restRow = (at: number, volume: number) => [at, 100, 100, 100, 100, volume] as const;

describe('stream source: lost connections', () => {
  it('W1: reconnects 16 connections that fall at once, tells what to refill, and stays under 31 connects', async () => {
    const { source, clock, exchange, log, trade } = streamRig(named(160), 10);
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
    const { source, clock, exchange, trade } = streamRig(named(300), 100);
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

  it('W1: believes no later frame, after a loss, that the last one before it was the whole candle', async () => {
    const { source, clock, exchange, log, trade } = streamRig(named(10));
    source.start();
    await trade(MIDNIGHT + STEP_MS - 2 * SECOND - clock.now());
    for (const socket of exchange.live) socket.end({ reason: 'network', detail: 'reset' });
    // Nothing is replayed: the frames that closed the candles are lost.
    await clock.advance(5 * SECOND);
    await trade(2 * SECOND);
    expect(source.stats().streams).toMatchObject({ confirmed: 10 });
    expect(log.closed).toEqual([]);
    expect(source.overdue(MIDNIGHT + STEP_MS)).toEqual(named(10));
  });

  it('W3: replaces a connection that went mute within 15 s while the others live', async () => {
    const { source, exchange, log, notices, trade } = streamRig(named(30), 10);
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
    const { source, clock, notices, trade } = streamRig(named(20), 10);
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

  it.each([
    ['suspects none that carries a few streams nobody may trade in', 0, 0],
    ['suspects one that is mute about a few streams with trades, as REST shows', 5, 1],
  ])('W4: %s', async (_, volume, times) => {
    const { source, clock, notices } = streamRig(named(3));
    source.start();
    await clock.advance(MIDNIGHT + STEP_MS + 3 * SECOND - clock.now());
    source.markClosed('S1USDT', restRow(MIDNIGHT, volume));
    await clock.advance(120 * SECOND);
    expect(notices('lost').length).toBeGreaterThan(4);
    expect(notices('endpointSuspect')).toHaveLength(times);
  });
});

describe('stream source: silent streams', () => {
  it('W2, I2: sees one silent stream of 20 by 5 s after the close, subscribes it again, moves it, reports it', async () => {
    const { source, clock, exchange, notices, trade } = streamRig(named(20), 15);
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
    const nextSlot = async (openTime: number) => {
      await trade(openTime + STEP_MS + 4 * SECOND - clock.now(), dead);
      source.markClosed('S3USDT', restRow(openTime, 5));
      await trade(2 * SECOND, dead);
    };
    await nextSlot(MIDNIGHT + STEP_MS);
    expect(exchange.carrying('S3USDT')).toHaveLength(1);
    expect(exchange.carrying('S3USDT')[0]).not.toBe(home);
    await nextSlot(MIDNIGHT + 2 * STEP_MS);
    expect(notices('streamsSuspect')).toEqual([{ kind: 'streamsSuspect', symbols: ['S3USDT'] }]);
    await trade(STEP_MS);
    expect(source.stats().staleSeries).toBe(0);
    expect(exchange.sockets).toHaveLength(2);
  });

  it('W2: believes no later frame, when a silent stream speaks again, that its last one before was the whole candle', async () => {
    const { source, clock, log, trade } = streamRig(named(10));
    source.start();
    const dead = new Set(['S3USDT']);
    await trade(60 * SECOND);
    await trade(MIDNIGHT + STEP_MS + 30 * SECOND - clock.now(), dead);
    await trade(STEP_MS);
    const closed = log.closed.filter(({ symbol }) => symbol === 'S3USDT').map(({ openTime }) => openTime);
    expect(closed).toEqual([MIDNIGHT + STEP_MS]);
  });

  it('leaves a stream alone whose candle had no trades, as REST showed', async () => {
    const { source, clock, exchange, trade } = streamRig(named(10));
    source.start();
    const quiet = new Set(['S3USDT']);
    await trade(MIDNIGHT + STEP_MS + 3 * SECOND - clock.now(), quiet);
    const framesBefore = exchange.sockets[0]?.sent.length;
    source.markClosed('S3USDT', restRow(MIDNIGHT, 0));
    await trade(10 * SECOND, quiet);
    expect(exchange.sockets[0]?.sent).toHaveLength(framesBefore as number);
    expect(source.stats().staleSeries).toBe(0);
  });

  it('accuses no stream while REST has not told whether its candle had trades', async () => {
    const { source, clock, exchange, notices, trade } = streamRig(named(10));
    source.start();
    const quiet = new Set(['S3USDT']);
    await trade(10 * SECOND, quiet);
    const framesBefore = exchange.sockets[0]?.sent.length;
    await trade(MIDNIGHT + 4 * STEP_MS + 10 * SECOND - clock.now(), quiet);
    expect(exchange.sockets[0]?.sent).toHaveLength(framesBefore as number);
    expect(notices('streamsSuspect')).toEqual([]);
    expect(source.stats().staleSeries).toBe(0);
  });
});
