import { describe, expect, it } from 'vitest';
import { signalId } from '../../src/domain/signal.js';

const seen = {
  symbol: 'BTCUSDT',
  timeframe: '15m',
  analyzer: 'trend',
  version: '1.0.0',
  candleCloseTime: 1e12,
} as const;

describe('signalId', () => {
  it('is the same for the same candle and rule, and another for any other', () => {
    const id = signalId('binanceusdm', seen);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(signalId('binanceusdm', { ...seen })).toBe(id);
    const others = [
      signalId('sim', seen),
      signalId('binanceusdm', { ...seen, symbol: 'ETHUSDT' }),
      signalId('binanceusdm', { ...seen, timeframe: '1h' }),
      signalId('binanceusdm', { ...seen, analyzer: 'macd' }),
      signalId('binanceusdm', { ...seen, version: '1.0.1' }),
      signalId('binanceusdm', { ...seen, candleCloseTime: 1e12 + 1 }),
    ];
    expect(new Set([id, ...others]).size).toBe(7);
  });
});
