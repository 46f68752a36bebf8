import type { ParameterSpec } from '../contract.js';
import { defineIndicator } from '../define.js';

const acceleration = (defaultValue: number): ParameterSpec => ({
  default: defaultValue,
  min: 0.0001,
  max: 0.5,
  integer: false,
});

/**
 * Wilder's stop and reverse. The first trend is down when the second high is lower than the first, otherwise up;
 * technicalindicators always begins up and clips a stop only by the candles before. Its memory is that of the trend:
 * there is no number of candles after which an older one cannot matter.
 */
export const psar = defineIndicator({
  name: 'psar',
  description: "Parabolic stop and reverse (TradingView's ta.sar)",
  parameters: { start: acceleration(0.02), increment: acceleration(0.02), max: acceleration(0.2) },
  outputs: ['value'],
  warmup: () => 1,
  settled: () => Number.POSITIVE_INFINITY,
  compute({ high, low }, { start, increment, max }, [value]) {
    value.fill(Number.NaN, 0, 2);
    if (high.length < 2) return;
    // In an up trend `ahead` is the column of extremes and `behind` the one that the stop trails; down mirrors it.
    let sign = (high[0] as number) > (high[1] as number) ? -1 : 1;
    let [ahead, behind] = sign === 1 ? [high, low] : [low, high];
    let stop = behind[0] as number;
    let extreme = ahead[1] as number;
    let factor = start;
    value[1] = stop;
    for (let i = 2; i < high.length; i++) {
      stop += factor * (extreme - stop);
      if (sign * ((behind[i] as number) - stop) <= 0) {
        stop = extreme;
        extreme = behind[i] as number;
        factor = start;
        sign = -sign;
        [ahead, behind] = [behind, ahead];
        stop = clipped(stop, behind[i] as number, sign);
      } else if (sign * ((ahead[i] as number) - extreme) > 0) {
        extreme = ahead[i] as number;
        factor = Math.min(factor + increment, max);
      }
      stop = clipped(clipped(stop, behind[i - 1] as number, sign), behind[i - 2] as number, sign);
      value[i] = stop;
    }
  },
});

/** The stop kept out of a candle: at most its low in an up trend, at least its high in a down trend. */
function clipped(stop: number, edge: number, sign: number): number {
  return sign * (edge - stop) < 0 ? edge : stop;
}
