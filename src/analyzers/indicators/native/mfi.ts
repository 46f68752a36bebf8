import { defineIndicator } from '../define.js';
import { SAME_MOVE, typicalPrice } from '../kernels/price.js';
import { rollingSum } from '../kernels/window.js';
import { periodOf } from '../parameters.js';

/**
 * TradingView's: money flows in where hlc3 rose and out where it fell; the first candle, whose change is unknown,
 * counts on both sides, so that there is a value one candle earlier than in other libraries. 100 where nothing flowed
 * out, also when nothing flowed in (measured by PyneSys/pynecore). technicalindicators counts an unchanged hlc3 as
 * outflow and rounds to two digits.
 */
export const mfi = defineIndicator({
  name: 'mfi',
  description: "Money flow index of hlc3 (TradingView's ta.mfi)",
  parameters: { period: periodOf(14) },
  outputs: ['value'],
  warmup: ({ period }) => period - 1,
  settled: ({ period }) => period + 1,
  compute(candles, { period }, [value], scratch) {
    const { length } = candles.close;
    const inflow = scratch.take(length);
    const outflow = scratch.take(length);
    const inflowSum = scratch.take(length);
    typicalPrice(candles, inflow);
    splitFlow(inflow, candles.volume, inflow, outflow);
    rollingSum(inflow, period, inflowSum);
    rollingSum(outflow, period, value);
    for (let i = period - 1; i < length; i++) {
      const came = inflowSum[i] as number;
      const went = value[i] as number;
      value[i] = went === 0 ? 100 : 100 * (came / (came + went));
    }
  },
});

/** Price * volume to the side to which the price moved; `inflow` may be the price itself. */
function splitFlow(price: Float64Array, volume: Float64Array, inflow: Float64Array, outflow: Float64Array): void {
  let previous = Number.NaN;
  for (let i = 0; i < price.length; i++) {
    const current = price[i] as number;
    const change = current - previous;
    const same = SAME_MOVE * current;
    const flow = current * (volume[i] as number);
    // Not `change > same`: the first change is NaN and counts on both sides.
    inflow[i] = change <= same ? 0 : flow;
    outflow[i] = change >= -same ? 0 : flow;
    previous = current;
  }
}
