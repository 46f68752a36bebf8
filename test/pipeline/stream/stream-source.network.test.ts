import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/lib/random.js';
import { createStreamSource, type StreamSource } from '../../../src/pipeline/stream/stream-source.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';
import { type ServerPeer, StreamServer, until } from '../../support/stream-server.js';
import { HandlerLog } from '../../support/stream-server-fake.js';

let clock: FakeClock;
let server: StreamServer;
let log: HandlerLog;
let source: StreamSource;

function build(symbols: readonly string[]): void {
  source = createStreamSource({
    url: server.url,
    symbols,
    timeframe: '5m',
    streamsPerConnection: 200,
    clock,
    random: seededRandom(3),
    handlers: log,
  });
}

/** Waits for the newest connection to be subscribed and to have brought data. */
async function flowing(count: number): Promise<ServerPeer> {
  await until(() => server.peers.length === count && (server.peers.at(-1) as ServerPeer).streams.size > 0);
  const peer = server.peers.at(-1) as ServerPeer;
  const before = source.stats().messages;
  peer.kline({ symbol: 'BTCUSDT', openTime: MIDNIGHT, eventTime: clock.now() });
  await until(() => source.stats().messages >= before + 1 && source.stats().streams.confirmed > 0);
  return peer;
}

beforeEach(async () => {
  clock = new FakeClock(MIDNIGHT + 10_000);
  log = new HandlerLog();
  server = await StreamServer.start();
});

afterEach(async () => {
  await source.stop();
  await server.stop();
  expect(clock.pendingTimers).toBe(0);
});

describe('stream source over real sockets', () => {
  it('subscribes 200 symbols of any script in text frames under 4,096 bytes, and reads their candles', async () => {
    const symbols = ['BTCUSDT', ...Array.from({ length: 199 }, (_, i) => `币安人生${i}USDT`)];
    build(symbols);
    source.start();
    await until(() => server.peers.length === 1);
    const [peer] = server.peers as [ServerPeer];
    for (let frames = 1; peer.streams.size < 201; frames++) {
      await until(() => peer.control.length >= frames);
      await clock.advance(200);
    }
    expect(peer.path).toBe('/market/stream');
    expect(peer.streams).toContain('币安人生7usdt@kline_5m');
    peer.kline({ symbol: '币安人生7USDT', openTime: MIDNIGHT - STEP_MS, closed: true, close: 123 });
    await until(() => log.closed.length === 1);
    expect(log.closed).toEqual([{ symbol: '币安人生7USDT', openTime: MIDNIGHT - STEP_MS, close: 123, how: 'flag' }]);
  });

  it.each([
    ['close 1000', (peer: ServerPeer) => peer.socket.close(1000), 'closed'],
    ['close 1001', (peer: ServerPeer) => peer.socket.close(1001, 'going away'), 'closed'],
    ['close 1008', (peer: ServerPeer) => peer.socket.close(1008, 'Too many requests'), 'closed'],
    ['close 1011', (peer: ServerPeer) => peer.socket.close(1011), 'closed'],
    ['close 1012', (peer: ServerPeer) => peer.socket.close(1012), 'closed'],
    ['an end without a close frame', (peer: ServerPeer) => peer.socket.terminate(), 'network'],
  ])('W1: reconnects, subscribes and resumes after %s', async (_, end, reason) => {
    build(['BTCUSDT']);
    source.start();
    end(await flowing(1));
    await until(() => log.notices.length === 1);
    expect(log.notices).toMatchObject([{ kind: 'lost', reason, streams: 1 }]);
    expect(server.peers).toHaveLength(1);
    await clock.advance(1_000);
    await flowing(2);
    expect(log.resumed).toEqual([
      { symbols: ['BTCUSDT'], since: null },
      { symbols: ['BTCUSDT'], since: MIDNIGHT + 5_000 },
    ]);
  });

  it('W3: terminates a peer whose pongs and pings go on while its data stopped', async () => {
    build(Array.from({ length: 10 }, (_, i) => (i === 0 ? 'BTCUSDT' : `S${i}USDT`)));
    source.start();
    const peer = await flowing(1);
    peer.socket.ping('1791240060493');
    await until(() => peer.pongs === 1);
    await clock.advance(8_000);
    await until(() => peer.closed !== null);
    expect(log.notices).toMatchObject([{ kind: 'lost', reason: 'silent' }]);
    expect(peer.closed).toEqual({ code: 1006, text: '' });
    await clock.advance(1_000);
    await flowing(2);
  });

  it('stops with a clean close, twice, and leaves no socket', async () => {
    build(['BTCUSDT']);
    source.start();
    const peer = await flowing(1);
    await Promise.all([source.stop(), source.stop()]);
    await until(() => peer.closed !== null);
    expect(peer.closed).toEqual({ code: 1000, text: '' });
    expect(log.notices).toEqual([]);
  });
});
