import { defineIndicator, emaAlpha, forgetting } from '../define.js';
import { exponentialMean } from '../kernels/smoothing.js';
import { periodOf } from '../parameters.js';

/**
 * Each average is seeded at its own length. TA-Lib starts the fast one where the slow one starts, Tulip takes
 * 0.15 and 0.075 for the factors of 12 and 26; both converge to this.
 */
export const macd = defineIndicator({
  name: 'macd',
  description: "Moving average convergence/divergence of the close, exponential averages (TradingView's ta.macd)",
  parameters: { fast: periodOf(12), slow: periodOf(26), signal: periodOf(9) },
  outputs: ['macd', 'signal', 'histogram'],
  warmup: ({ fast, slow, signal }) => Math.max(fast, slow) + signal - 2,
  settled({ fast, slow, signal }, tolerance) {
    const longest = Math.max(fast, slow);
    // The signal forgets what the averages have not forgotten yet: each is given half of the tolerance.
    return (
      longest + signal + forgetting(emaAlpha(longest), tolerance / 2) + forgetting(emaAlpha(signal), tolerance / 2)
    );
  },
  compute({ close }, { fast, slow, signal }, [line, signalLine, histogram]) {
    const { length } = close;
    exponentialMean(close, 0, fast, emaAlpha(fast), line);
    exponentialMean(close, 0, slow, emaAlpha(slow), histogram);
    for (let i = 0; i < length; i++) line[i] = (line[i] as number) - (histogram[i] as number);
    exponentialMean(line, Math.max(fast, slow) - 1, signal, emaAlpha(signal), signalLine);
    for (let i = 0; i < length; i++) histogram[i] = (line[i] as number) - (signalLine[i] as number);
  },
});
