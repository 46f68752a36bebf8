import { beforeEach, describe, expect, it } from 'vitest';
import type { CandleRow } from '../../../src/domain/candle.js';
import { Closing } from '../../../src/pipeline/stream/closing.js';
import { type KlineEvent, parseFrame } from '../../../src/pipeline/stream/frames.js';
import { FakeClock } from '../../support/fake-clock.js';
import { type KlineFields, klineFrame, MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';
import { HandlerLog } from '../../support/stream-server-fake.js';

const A = MIDNIGHT;
const B = A + STEP_MS;
const C = B + STEP_MS;

let clock: FakeClock;
let log: HandlerLog;
let closing: Closing;

function accept(fields: KlineFields): void {
  const event = parseFrame(klineFrame(fields));
  expect(event.kind).toBe('kline');
  closing.accept(event as KlineEvent);
}

const row = (openTime: number, close: number, volume = 1): CandleRow => [openTime, 100, close, 100, close, volume];

beforeEach(() => {
  clock = new FakeClock(C + STEP_MS);
  log = new HandlerLog();
  closing = new Closing({ timeframe: '5m', clock, handlers: log, formingEveryMs: 250 });
  closing.add('BTCUSDT');
});

describe('Closing: what makes a candle final', () => {
  it('closes by the flag', () => {
    accept({ openTime: A, close: 101, closed: true });
    expect(log.closed).toEqual([{ symbol: 'BTCUSDT', openTime: A, close: 101, how: 'flag' }]);
    expect(closing.overdue(B)).toEqual([]);
  });

  it('closes by a later frame whose first trade follows the last one seen', () => {
    accept({ openTime: A, close: 101, trades: [5, 9] });
    accept({ openTime: B, close: 102, trades: [10, 11] });
    expect(log.closed).toEqual([{ symbol: 'BTCUSDT', openTime: A, close: 101, how: 'later' }]);
  });

  it('proves the end of a candle also over candles without trades and over an interruption', () => {
    accept({ openTime: A, trades: [5, 9] });
    closing.interrupt(['BTCUSDT']);
    accept({ openTime: C, trades: [10, 11] });
    expect(log.closed).toMatchObject([{ openTime: A, how: 'later' }]);
  });

  it('waits for the flag or for REST when trades between the last frame and the later one were not seen', () => {
    accept({ openTime: A, close: 101, trades: [5, 9] });
    accept({ openTime: B, close: 102, trades: [12, 13] });
    expect(log.closed).toEqual([]);
    expect(closing.overdue(B)).toEqual(['BTCUSDT']);
    accept({ openTime: A, close: 103, closed: true, trades: [5, 11] });
    expect(log.closed).toEqual([{ symbol: 'BTCUSDT', openTime: A, close: 103, how: 'flag' }]);
  });

  it('believes a later frame without trade ids only on an uninterrupted stream', () => {
    accept({ openTime: A });
    closing.interrupt(['BTCUSDT', 'UNKNOWN']);
    accept({ openTime: B });
    expect(log.closed).toEqual([]);
    accept({ openTime: C });
    expect(log.closed).toMatchObject([{ openTime: B, how: 'later' }]);
  });

  it('goes on with the forming candle when the flag of the one before comes late', async () => {
    accept({ openTime: A, trades: [5, 9] });
    accept({ openTime: B, close: 107, trades: [12, 13] });
    accept({ openTime: A, closed: true, trades: [5, 11] });
    await clock.advance(250);
    expect(log.forming).toEqual([{ symbol: 'BTCUSDT', close: 107 }]);
  });
});

describe('Closing: idempotence', () => {
  it('tells a candle once, however often its frames come, in whatever order', () => {
    accept({ openTime: A, closed: true });
    accept({ openTime: A, closed: true });
    accept({ openTime: A, close: 150 });
    accept({ openTime: B, closed: true });
    accept({ openTime: A, closed: true, close: 150 });
    expect(log.closed.map(({ openTime }) => openTime)).toEqual([A, B]);
    expect(log.revised).toEqual([]);
    expect(closing.counts).toMatchObject({ closed: 2, outdated: 3 });
  });

  it('keeps the newer state of a forming candle when an older frame is late', async () => {
    accept({ openTime: A, close: 105, eventTime: A + 2_000 });
    accept({ openTime: A, close: 104, eventTime: A + 1_000 });
    accept({ openTime: A, close: 106, eventTime: A + 2_000 });
    await clock.advance(250);
    expect(log.forming).toEqual([{ symbol: 'BTCUSDT', close: 105 }]);
  });

  it('reports a closed candle that is stated again with other values', () => {
    accept({ openTime: A, close: 101, closed: true, eventTime: B + 200 });
    accept({ openTime: A, close: 102, closed: true, eventTime: B + 100 });
    expect(log.revised).toEqual([]);
    accept({ openTime: A, close: 103, closed: true, eventTime: B + 900 });
    expect(log.revised).toEqual([{ symbol: 'BTCUSDT', close: 103, previous: 101 }]);
    expect(log.closed).toHaveLength(1);
  });

  it('compares what the stream says with what REST had given', () => {
    closing.markClosed('BTCUSDT', row(A, 101));
    accept({ openTime: A, close: 101, closed: true });
    expect(log).toMatchObject({ closed: [], revised: [] });
    accept({ openTime: A, close: 102, closed: true });
    expect(log.revised).toEqual([{ symbol: 'BTCUSDT', close: 102, previous: 101 }]);
  });

  it('lets an older candle from REST change nothing', () => {
    accept({ openTime: B, closed: true });
    closing.markClosed('BTCUSDT', row(A, 101));
    closing.markClosed('UNKNOWN', row(A, 101));
    expect(closing.overdue(C)).toEqual([]);
  });

  it('is not blinded by one frame of a far future', () => {
    accept({ openTime: clock.now() + 2 * STEP_MS });
    accept({ openTime: A, closed: true });
    expect(log.closed).toHaveLength(1);
    expect(closing.counts.future).toBe(1);
  });

  it('ignores and counts frames of symbols and timeframes that it does not follow', () => {
    accept({ symbol: 'ETHUSDT', closed: true });
    accept({ timeframe: '15m', closed: true });
    closing.remove('BTCUSDT');
    accept({ openTime: A, closed: true });
    expect(log.closed).toEqual([]);
    expect(closing.counts.unsubscribed).toBe(3);
  });
});

describe('Closing: forming candles', () => {
  it('W9: delivers the newest state of each series at most every 250 ms and counts what it replaced', async () => {
    closing.add('ETHUSDT');
    for (let i = 1; i <= 100; i++) {
      accept({ openTime: A, close: 100 + i, eventTime: A + i });
      accept({ symbol: 'ETHUSDT', openTime: A, close: 300 + i, eventTime: A + i });
    }
    expect(log.forming).toEqual([]);
    await clock.advance(250);
    expect(log.forming).toEqual([
      { symbol: 'BTCUSDT', close: 200 },
      { symbol: 'ETHUSDT', close: 400 },
    ]);
    expect(closing.counts.coalesced).toBe(198);
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not deliver a candle as forming after it closed', async () => {
    accept({ openTime: A, close: 101 });
    accept({ openTime: A, close: 102, closed: true });
    accept({ openTime: B, close: 103 });
    closing.markClosed('BTCUSDT', row(B, 104));
    await clock.advance(250);
    expect(log.forming).toEqual([]);
  });

  it('leaves no timer when closed', () => {
    accept({ openTime: A });
    expect(clock.pendingTimers).toBe(1);
    closing.close();
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('Closing: overdue and silent series', () => {
  it('W2: names the series whose candle of a slot is not closed, until REST gave it', () => {
    closing.add('ETHUSDT');
    accept({ openTime: A, closed: true });
    expect(closing.overdue(B)).toEqual(['ETHUSDT']);
    expect(closing.overdue(B + 60_000)).toEqual(['ETHUSDT']);
    closing.markClosed('ETHUSDT', row(A, 100));
    expect(closing.overdue(B)).toEqual([]);
    expect(closing.overdue(C)).toEqual(['BTCUSDT', 'ETHUSDT']);
  });

  it('calls a stream silent although REST filled its candle, because it had trades', () => {
    closing.markClosed('BTCUSDT', row(A, 100, 5));
    expect(closing.silent(B)).toEqual(['BTCUSDT']);
  });

  it('does not blame a stream for a candle without trades', () => {
    closing.markClosed('BTCUSDT', row(A, 100, 0));
    expect(closing.silent(B)).toEqual([]);
  });

  it('blames no stream before it is known that the candle had trades', () => {
    closing.markClosed('BTCUSDT', row(A, 100));
    expect(closing.silent(C)).toEqual([]);
    closing.markClosed('BTCUSDT', row(B, 100));
    expect(closing.silent(C)).toEqual(['BTCUSDT']);
  });

  it('takes a frame of a candle with trades for a promise of its end', () => {
    accept({ openTime: A, volume: 0, eventTime: A + 1_000 });
    expect(closing.silent(B)).toEqual([]);
    accept({ openTime: A, volume: 1, eventTime: A + 2_000 });
    expect(closing.silent(B)).toEqual(['BTCUSDT']);
  });

  it('takes a frame of the next candle, and a flag after REST, as signs of life', () => {
    closing.markClosed('BTCUSDT', row(A, 100));
    accept({ openTime: B });
    expect(closing.silent(B)).toEqual([]);
    closing.markClosed('BTCUSDT', row(B, 100));
    accept({ openTime: B, close: 100, closed: true });
    expect(closing.silent(C)).toEqual([]);
  });
});
