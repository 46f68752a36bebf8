import { describe, expect, it } from 'vitest';
import { lastClosedOpenTime, slotAt } from '../../src/domain/slot.js';
import { floorToTimeframe, isTimeframe, sortTimeframes, TIMEFRAMES } from '../../src/domain/timeframe.js';

const at = (iso: string) => Date.parse(iso);

describe('timeframes', () => {
  it('open weekly candles on Mondays', () => {
    expect(floorToTimeframe(at('2026-11-22T10:00:00Z'), '1w')).toBe(at('2026-11-16T00:00:00Z'));
    expect(floorToTimeframe(at('2026-11-16T00:00:00Z'), '1w')).toBe(at('2026-11-16T00:00:00Z'));
  });

  it('are on the UTC grid for every length', () => {
    const time = at('2026-03-29T01:59:59.999Z');
    for (const timeframe of Object.keys(TIMEFRAMES) as (keyof typeof TIMEFRAMES)[]) {
      const open = floorToTimeframe(time, timeframe);
      expect(open).toBeLessThanOrEqual(time);
      expect(open + TIMEFRAMES[timeframe]).toBeGreaterThan(time);
    }
  });

  it('know their names and their order', () => {
    expect(isTimeframe('15m')).toBe(true);
    expect(isTimeframe('toString')).toBe(false);
    expect(sortTimeframes(['1h', '5m', '15m', '5m'])).toEqual(['5m', '15m', '1h']);
  });
});

describe('slots', () => {
  it('are closes of the base timeframe, and each timeframe has one newest closed candle at a slot', () => {
    const slot = slotAt(at('2026-01-01T10:17:12Z'), '5m');
    expect(slot).toBe(at('2026-01-01T10:15:00Z'));
    expect(lastClosedOpenTime(slot, '5m')).toBe(at('2026-01-01T10:10:00Z'));
    expect(lastClosedOpenTime(slot, '15m')).toBe(at('2026-01-01T10:00:00Z'));
    expect(lastClosedOpenTime(slot, '1h')).toBe(at('2026-01-01T09:00:00Z'));
    expect(lastClosedOpenTime(at('2026-01-01T10:00:00Z'), '1h')).toBe(at('2026-01-01T09:00:00Z'));
  });
});
