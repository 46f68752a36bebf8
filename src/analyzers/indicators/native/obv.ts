import { defineIndicator } from '../define.js';

/**
 * Starts with the second candle, as on TradingView; other libraries begin with a 0, or with the first volume. The level
 * is that of an arbitrary beginning and never settles: only differences mean something.
 */
export const obv = defineIndicator({
  name: 'obv',
  description: "On balance volume (TradingView's ta.obv)",
  parameters: {},
  outputs: ['value'],
  warmup: () => 1,
  settled: () => Number.POSITIVE_INFINITY,
  compute({ close, volume }, _parameters, [value]) {
    value.fill(Number.NaN, 0, 1);
    let sum = 0;
    // What the additions have rounded off so far (the two-sum of D. Knuth), so that a huge volume leaves no trace.
    let lost = 0;
    let previous = close[0] as number;
    for (let i = 1; i < close.length; i++) {
      const current = close[i] as number;
      const direction = Number(current > previous) - Number(current < previous);
      const signed = direction * (volume[i] as number);
      previous = current;
      const next = sum + signed;
      const added = next - sum;
      lost += sum - (next - added) + (signed - added);
      sum = next;
      value[i] = sum + lost;
    }
  },
});
