import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeframeMs } from '../../../src/domain/timeframe.js';
import { parseFrame } from '../../../src/pipeline/stream/frames.js';
import { klineFrame, klinePayload, MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';

/** The fault matrix asks for 100,000: generating the cases is what takes the time. */
const FUZZ_RUNS = Number(process.env['CANDLESCAN_TEST_FRAMES'] ?? 10_000);

function withKline(change: Record<string, unknown>, event: Record<string, unknown> = {}): string {
  const payload = klinePayload({ closed: true });
  return JSON.stringify({ ...payload, ...event, k: { ...(payload.k as object), ...change } });
}

describe('parseFrame', () => {
  it('reads the same candle from the combined and the raw form', () => {
    const fields = { symbol: '币安人生USDT', close: 101.5, volume: 30.033, closed: true, trades: [7, 9] } as const;
    const expected = {
      kind: 'kline',
      symbol: '币安人生USDT',
      timeframe: '5m',
      row: [MIDNIGHT, 100, 101.5, 100, 101.5, 30.033],
      closed: true,
      eventTime: MIDNIGHT + STEP_MS + 199,
      trades: { first: 7, last: 9 },
    };
    expect(parseFrame(klineFrame(fields))).toEqual(expected);
    expect(parseFrame(JSON.stringify(klinePayload(fields)))).toEqual(expected);
  });

  it('tolerates keys that it does not know', () => {
    const frame = withKline({ extra: [1] }, { st: 1, ps: 'BTCUSDT' });
    expect(parseFrame(frame)).toMatchObject({ kind: 'kline', symbol: 'BTCUSDT' });
  });

  it('says that a candle without trades has no trade ids', () => {
    expect(parseFrame(klineFrame({ trades: [-1, -1] }))).toMatchObject({ trades: null });
  });

  it('refuses a closed flag on a candle whose time is not over', () => {
    const openTime = MIDNIGHT;
    const early = klineFrame({ openTime, closed: true, eventTime: openTime + STEP_MS - 2 });
    const onTime = klineFrame({ openTime, closed: true, eventTime: openTime + STEP_MS - 1 });
    expect(parseFrame(early)).toEqual({ kind: 'malformed', reason: 'forming' });
    expect(parseFrame(onTime)).toMatchObject({ kind: 'kline', closed: true });
  });

  it.each([
    ['an exponent', { c: '1e3' }, 'number'],
    ['hexadecimal', { c: '0x10' }, 'number'],
    ['a sign', { c: '-5' }, 'number'],
    ['NaN', { v: 'NaN' }, 'number'],
    ['an empty price', { o: '' }, 'number'],
    ['a number in place of a decimal', { o: 100 }, 'number'],
    ['a decimal beyond a double', { h: '9'.repeat(400) }, 'number'],
    ['a time that is no integer', { t: 1.5 }, 'number'],
    ['a zero price', { l: '0' }, 'negative'],
    ['a high below the low', { h: '1', l: '2' }, 'range'],
    ['an open time off the grid', { t: MIDNIGHT + 1 }, 'grid'],
    ['an unknown interval', { i: '7m' }, 'shape'],
    ['an interval named like a method', { i: 'toString' }, 'shape'],
    ['a flag that is no boolean', { x: 'true' }, 'shape'],
  ])('refuses %s', (_, change, reason) => {
    expect(parseFrame(withKline(change))).toEqual({ kind: 'malformed', reason });
  });

  it('refuses a kline without its candle or its symbol', () => {
    expect(parseFrame('{"e":"kline","E":1,"s":"BTCUSDT","k":null}')).toEqual({ kind: 'malformed', reason: 'shape' });
    expect(parseFrame(withKline({}, { s: '' }))).toEqual({ kind: 'malformed', reason: 'shape' });
  });

  it('reads contract changes and leaves out the coin-margined market', () => {
    const change = { e: 'contractInfo', E: 5, s: 'NEWUSDT', ct: 'PERPETUAL', cs: 'PENDING_TRADING', bks: [] };
    const frame = (extra: object) =>
      parseFrame(JSON.stringify({ stream: '!contractInfo', data: { ...change, ...extra } }));
    const expected = {
      kind: 'contractInfo',
      symbol: 'NEWUSDT',
      contractType: 'PERPETUAL',
      status: 'PENDING_TRADING',
      eventTime: 5,
    };
    expect(frame({})).toEqual(expected);
    expect(frame({ st: 1 })).toEqual(expected);
    expect(frame({ st: 2 })).toEqual({ kind: 'other' });
    expect(frame({ ct: undefined, cs: undefined })).toMatchObject({ contractType: '', status: '' });
  });

  it('reads acknowledgements, and refusals in both envelopes', () => {
    expect(parseFrame('{"result":null,"id":3}')).toEqual({ kind: 'ack', id: 3 });
    expect(parseFrame('{"error":{"code":4,"msg":"Too many subscriptions"},"id":19}')).toEqual({
      kind: 'refused',
      id: 19,
      code: 4,
      message: 'Too many subscriptions',
    });
    expect(parseFrame('{"code":2,"msg":"Invalid request"}')).toEqual({
      kind: 'refused',
      id: null,
      code: 2,
      message: 'Invalid request',
    });
  });

  it('W6: knows the shutdown event, and calls what it does not know `other`', () => {
    expect(parseFrame('{"e":"serverShutdown","E":1}')).toEqual({ kind: 'shutdown' });
    expect(parseFrame('{"e":"aggTrade","E":1}')).toEqual({ kind: 'other' });
    expect(parseFrame('{"stream":"!ticker@arr","data":[]}')).toEqual({ kind: 'other' });
    expect(parseFrame('{}')).toEqual({ kind: 'other' });
    expect(parseFrame('[]')).toEqual({ kind: 'malformed', reason: 'shape' });
    expect(parseFrame('null')).toEqual({ kind: 'malformed', reason: 'shape' });
    expect(parseFrame('<html>')).toEqual({ kind: 'malformed', reason: 'json' });
  });

  it(`W6: never throws and never lets a bad candle through, whatever comes (${FUZZ_RUNS} frames)`, () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom('1', '0', '1e5', '-1', '1.', '.5', 'NaN', 'Infinity', MIDNIGHT, Number.MAX_SAFE_INTEGER, -0),
    );
    const hostileKline = fc
      .record({ key: fc.constantFrom('t', 'i', 'o', 'h', 'l', 'c', 'v', 'x', 'f', 'L'), value })
      .map((change) => withKline({ [change.key]: change.value }));
    const hostileEvent = fc
      .record({ key: fc.constantFrom('e', 'E', 's', 'k', '__proto__'), value })
      .map((change) => withKline({}, { [change.key]: change.value }));
    const cut = fc.nat(500).map((length) => klineFrame().slice(0, length));
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), cut, hostileKline, hostileEvent);
    fc.assert(
      fc.property(anything, (text) => {
        const event = parseFrame(text);
        if (event.kind !== 'kline') return true;
        const [openTime, open, high, low, close, volume] = event.row;
        const isFinite = [open, high, low, close, volume].every(Number.isFinite);
        const isInRange = low > 0 && low <= Math.min(open, close) && high >= Math.max(open, close) && volume >= 0;
        return isFinite && isInRange && openTime % timeframeMs(event.timeframe) === 0;
      }),
      { numRuns: FUZZ_RUNS },
    );
  });
});

const dataDir = process.env.CANDLESCAN_TEST_DATA;
describe.skipIf(!dataDir)('parseFrame on recorded traffic (skipped without CANDLESCAN_TEST_DATA)', () => {
  const recorded = (path: string) => readFileSync(join(dataDir as string, 'recorded', path), 'utf8');

  it('reads every kline frame of a session of 2021, four of them closing', () => {
    const lines = recorded('cryptofeed/BINANCE_FUTURES.ws.1.0').split('\n');
    const events = lines
      .filter((line) => line.includes('"e":"kline"'))
      .map((line) => parseFrame(line.slice(line.indexOf('{'))));
    expect(events).toHaveLength(67);
    expect(events.every(({ kind }) => kind === 'kline')).toBe(true);
    expect(events.filter((event) => event.kind === 'kline' && event.closed)).toHaveLength(4);
  });

  it('reads the frames of 2026, coin-margined ones included', () => {
    const frames = recorded('manual_frames.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; payload: unknown });
    const kinds = frames
      .filter(({ kind }) => kind.startsWith('ws'))
      .map(({ payload }) => parseFrame(JSON.stringify(payload)).kind);
    expect(kinds).toEqual(['kline', 'kline', 'contractInfo', 'refused']);
    expect(parseFrame(recorded('polyoxide/stream_btcusdt_kline_1m.json'))).toMatchObject({
      kind: 'kline',
      row: [1791382980000, 83084.9, 83091.7, 83051.2, 83091.6, 13.551],
      trades: { first: 8153633367, last: 8153634395 },
    });
  });
});
