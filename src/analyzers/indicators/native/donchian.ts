import { defineIndicator } from '../define.js';
import { rollingExtremes } from '../kernels/extremes.js';
import { periodOf } from '../parameters.js';

/** The newest candle is part of the window, as on TradingView; Skender looks at the candles before it only. */
export const donchian = defineIndicator({
  name: 'donchian',
  description: "Highest high, lowest low and their middle (TradingView's Donchian Channels)",
  parameters: { period: periodOf(20) },
  outputs: ['upper', 'middle', 'lower'],
  warmup: ({ period }) => period - 1,
  compute({ high, low }, { period }, [upper, middle, lower]) {
    rollingExtremes(high, low, 0, period, upper, lower);
    for (let i = 0; i < high.length; i++) middle[i] = ((upper[i] as number) + (lower[i] as number)) / 2;
  },
});
