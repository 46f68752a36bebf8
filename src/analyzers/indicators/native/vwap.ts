import { defineIndicator } from '../define.js';

const DAY_MS = 86_400_000;

/**
 * Anchored at 00:00 UTC, where the day of a crypto chart begins on TradingView. technicalindicators and Skender
 * accumulate from the first candle of the input instead; for a rolling window there is `vwma`.
 *
 * NaN until the data hold the beginning of a day: what is shown is the day's average or nothing, never that of a part
 * that depends on where the candles happen to start. So warm-up is 0 for candles that start with the day and at most a
 * day otherwise. NaN while the day has traded nothing.
 */
export const vwap = defineIndicator({
  name: 'vwap',
  description: "Volume weighted average of hlc3 since 00:00 UTC (TradingView's session VWAP)",
  parameters: {},
  outputs: ['value'],
  warmup: () => 0,
  compute({ openTime, high, low, close, volume }, _parameters, [value]) {
    let nextDay = Math.ceil((openTime[0] ?? 0) / DAY_MS) * DAY_MS;
    let turnover = Number.NaN;
    let traded = Number.NaN;
    for (let i = 0; i < close.length; i++) {
      const time = openTime[i] as number;
      if (time >= nextDay) {
        nextDay = (Math.floor(time / DAY_MS) + 1) * DAY_MS;
        turnover = 0;
        traded = 0;
      }
      const quantity = volume[i] as number;
      const typical = ((high[i] as number) + (low[i] as number) + (close[i] as number)) / 3;
      turnover += typical * quantity;
      traded += quantity;
      value[i] = turnover / traded;
    }
  },
});
