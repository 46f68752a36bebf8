import type { Columns } from '../../../domain/series.js';
import { defineIndicator } from '../define.js';
import { SAME_MOVE } from '../kernels/price.js';
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
    splitFlow(candles, inflow, outflow);
    rollingSum(inflow, period, inflowSum);
    rollingSum(outflow, period, value);
    for (let i = period - 1; i < length; i++) {
      const came = inflowSum[i] as number;
      const went = value[i] as number;
      value[i] = went === 0 ? 100 : 100 * (came / (came + went));
    }
  },
});

/** hlc3 * volume to the side to which hlc3 moved. */
function splitFlow({ high, low, close, volume }: Columns, inflow: Float64Array, outflow: Float64Array): void {
  let previous = Number.NaN;
  for (let i = 0; i < close.length; i++) {
    const current = ((high[i] as number) + (low[i] as number) + (close[i] as number)) / 3;
    const change = current - previous;
    const same = SAME_MOVE * current;
    const flow = current * (volume[i] as number);
    // Not `change > same`: the first change is NaN and counts on both sides.
    inflow[i] = Number(!(change <= same)) * flow;
    outflow[i] = Number(!(change >= -same)) * flow;
    previous = current;
  }
}
