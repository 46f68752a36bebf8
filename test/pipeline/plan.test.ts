import { describe, expect, it } from 'vitest';
import { planSeries } from '../../src/pipeline/plan.js';
import { rowsUntil, seriesOf } from '../support/candles.js';

const SLOT = Date.parse('2026-01-01T10:15:00Z');
const MINUTE = 60_000;

describe('planSeries', () => {
  it('asks a cold series for the first look, ending with the candle that closed by the slot', () => {
    expect(planSeries('BTCUSDT', '1h', undefined, SLOT, 99)).toEqual({
      symbol: 'BTCUSDT',
      timeframe: '1h',
      limit: 99,
      endTime: Date.parse('2026-01-01T10:00:00Z') - 1,
    });
  });

  it('asks nothing for a series that ends at the slot', () => {
    expect(planSeries('BTCUSDT', '15m', seriesOf('BTCUSDT', '15m', rowsUntil(SLOT, '15m', 50)), SLOT, 99)).toBeNull();
  });

  it('asks for what is missing and one more, from the newest candle held', () => {
    const held = seriesOf('BTCUSDT', '5m', rowsUntil(SLOT - 15 * MINUTE, '5m', 50));
    expect(planSeries('BTCUSDT', '5m', held, SLOT, 99)).toEqual({
      symbol: 'BTCUSDT',
      timeframe: '5m',
      limit: 4,
      startTime: SLOT - 20 * MINUTE,
      endTime: SLOT - 1,
    });
  });

  it('starts over when more is missing than the lookback holds', () => {
    const held = seriesOf('BTCUSDT', '5m', rowsUntil(SLOT - 500 * 5 * MINUTE, '5m', 50));
    const query = planSeries('BTCUSDT', '5m', held, SLOT, 99);
    expect(query?.limit).toBe(99);
    expect(query?.startTime).toBeUndefined();
  });
});
