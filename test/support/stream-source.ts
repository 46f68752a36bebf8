import { expect, onTestFinished } from 'vitest';
import { seededRandom } from '../../src/lib/random.js';
import type { StreamNotice } from '../../src/pipeline/stream/contract.js';
import { createStreamSource } from '../../src/pipeline/stream/stream-source.js';
import { FakeClock, SECOND } from './fake-clock.js';
import { MIDNIGHT, STEP_MS } from './stream-frames.js';
import { FakeExchange, HandlerLog } from './stream-server-fake.js';

/** A stream source on fake sockets and a fake clock. When the test ends it is stopped, and must leave no timer and no socket. */
export function streamRig(symbols: readonly string[], streamsPerConnection = 200) {
  const clock = new FakeClock(MIDNIGHT + 10 * SECOND);
  const exchange = new FakeExchange();
  const log = new HandlerLog();
  const source = createStreamSource({
    url: 'ws://exchange:9000',
    symbols,
    timeframe: '5m',
    streamsPerConnection,
    clock,
    random: seededRandom(7),
    handlers: log,
    connect: exchange.connect,
  });
  onTestFinished(async () => {
    await source.stop();
    expect(clock.pendingTimers).toBe(0);
    expect(exchange.live).toEqual([]);
  });

  const openTime = () => Math.floor(clock.now() / STEP_MS) * STEP_MS;
  const forming = (close = 100) => ({ openTime: openTime(), eventTime: clock.now(), close });
  const notices = (kind: StreamNotice['kind']) => log.notices.filter((notice) => notice.kind === kind);

  /** Lets time pass while every subscribed stream, but those excepted, sends a frame a second and closes its candles. */
  const trade = async (ms: number, except?: ReadonlySet<string>): Promise<void> => {
    for (let left = ms; left > 0; left -= SECOND) {
      const before = openTime();
      await clock.advance(Math.min(SECOND, left));
      if (openTime() !== before) exchange.klines({ openTime: before, closed: true, eventTime: clock.now() }, except);
      exchange.klines(forming(), except);
    }
  };

  /** The same in steps of 25 s, without closes: for hours in which nothing is looked at. */
  const idle = async (ms: number): Promise<void> => {
    const until = clock.now() + ms;
    while (clock.now() < until) {
      await clock.advance(Math.min(25 * SECOND - (clock.now() % (25 * SECOND)), until - clock.now()));
      exchange.klines(forming());
    }
  };
  return { clock, exchange, log, source, forming, notices, trade, idle };
}
