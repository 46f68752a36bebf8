import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import { seededRandom } from '../../../src/lib/random.js';
import { createStreamSource } from '../../../src/pipeline/stream/stream-source.js';
import { klineFrame, STEP_MS } from '../../support/stream-frames.js';
import { until } from '../../support/stream-server.js';
import { HandlerLog } from '../../support/stream-server-fake.js';
import { frameBytes, RawServer, upgrade } from '../../support/stream-server-raw.js';

const SYMBOLS = Array.from({ length: 530 }, (_, i) => `S${i}USDT`);
/** Ten seconds of the normal rate of 530 streams in each burst, and a close of every candle at its end. */
const UPDATES_PER_CANDLE = 23;
const CANDLES = 5;

/** The bytes of one candle of every symbol: its updates, interleaved over the symbols, then its closes. */
function burst(symbols: readonly string[], openTime: number): Buffer {
  const frames: Buffer[] = [];
  for (let update = 1; update <= UPDATES_PER_CANDLE; update++) {
    for (const symbol of symbols) {
      frames.push(
        frameBytes(klineFrame({ symbol, openTime, eventTime: openTime + update * 250, close: 100 + update })),
      );
    }
  }
  for (const symbol of symbols) frames.push(frameBytes(klineFrame({ symbol, openTime, closed: true, close: 200 })));
  return Buffer.concat(frames);
}

describe('stream source under a flood', () => {
  it('W9: loses no closed candle of 63,600 messages that come as fast as the socket gives them', async ({
    annotate,
  }) => {
    const start = Math.floor(systemClock.now() / STEP_MS) * STEP_MS - CANDLES * STEP_MS;
    const openTimes = Array.from({ length: CANDLES }, (_, i) => start + i * STEP_MS);
    const bursts = openTimes.map((openTime) => burst(SYMBOLS, openTime));
    let connected = () => {};
    const ready = new Promise<void>((resolve) => {
      connected = resolve;
    });
    let send: (bytes: Buffer) => void = () => {};
    const server = await RawServer.start(upgrade, (socket) => {
      send = (bytes) => socket.write(bytes);
      connected();
    });
    const log = new HandlerLog();
    const source = createStreamSource({
      url: server.url,
      symbols: SYMBOLS,
      timeframe: '5m',
      streamsPerConnection: 1_000,
      clock: systemClock,
      random: seededRandom(1),
      handlers: log,
    });
    source.start();
    await ready;
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const cpuBefore = process.cpuUsage();
    for (const bytes of bursts) send(bytes);
    const messages = SYMBOLS.length * (UPDATES_PER_CANDLE + 1) * CANDLES;
    await until(() => source.stats().messages === messages);
    const cpu = process.cpuUsage(cpuBefore);
    delay.disable();
    const stats = source.stats();
    await source.stop();
    await server.stop();

    const perFrameUs = (cpu.user + cpu.system) / messages;
    const share = (perFrameUs * 4 * 1_590) / 1e4;
    await annotate(
      `${messages} frames: ${perFrameUs.toFixed(1)} us of CPU each, the server's writes included ` +
        `(1,590 streams at 4 a second: ${share.toFixed(1)} % of a core); ` +
        `event loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
    );
    expect(log.closed).toHaveLength(SYMBOLS.length * CANDLES);
    for (const symbol of ['S0USDT', 'S529USDT']) {
      expect(log.closed.filter((candle) => candle.symbol === symbol).map(({ openTime }) => openTime)).toEqual(
        openTimes,
      );
    }
    expect(log.closed.every(({ close, how }) => close === 200 && how === 'flag')).toBe(true);
    expect(stats).toMatchObject({ closed: SYMBOLS.length * CANDLES, outdated: 0, revised: 0, malformed: {} });
    // Every forming update was either replaced by a newer one, delivered, or overtaken by its close: none queued up.
    expect(stats.coalesced + log.forming.length).toBeLessThanOrEqual(messages - SYMBOLS.length * CANDLES);
    expect(log.forming.length).toBeLessThan(stats.coalesced);
  });
});
