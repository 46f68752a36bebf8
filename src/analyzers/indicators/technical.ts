import type { Indicator } from './contract.js';
import { emaAlpha, forgetting, rmaAlpha } from './define.js';
import { multiplierOf, periodOf } from './parameters.js';
import { adapt } from './technical/adapter.js';

/** The library computes arrays when it is built; it is built without any and fed candle by candle. */
const NOTHING: number[] = [];
const forgettingEma = (period: number, tolerance: number) => period + forgetting(emaAlpha(period), tolerance);
const forgettingRma = (period: number, tolerance: number) => period + 1 + forgetting(rmaAlpha(period), tolerance);

const trix = adapt({
  name: 'trix',
  description: 'Rate of change in percent of the close averaged exponentially three times',
  parameters: { period: periodOf(18) },
  outputs: ['value'],
  warmup: ({ period }) => 3 * (period - 1) + 1,
  settled: ({ period }, tolerance) => 1 + 3 * forgettingEma(period, tolerance / 3),
  start(library, { period }) {
    const indicator = new library.TRIX({ period, values: NOTHING });
    return ({ close }) => [indicator.nextValue(close)];
  },
});

const kst = adapt({
  name: 'kst',
  description: 'Know sure thing: weighted sum of four smoothed rates of change, and its simple average',
  parameters: {
    roc1: periodOf(10),
    roc2: periodOf(15),
    roc3: periodOf(20),
    roc4: periodOf(30),
    sma1: periodOf(10),
    sma2: periodOf(10),
    sma3: periodOf(10),
    sma4: periodOf(15),
    signal: periodOf(9),
  },
  outputs: ['kst', 'signal'],
  warmup: (p) => Math.max(p.roc1 + p.sma1, p.roc2 + p.sma2, p.roc3 + p.sma3, p.roc4 + p.sma4) + p.signal - 2,
  start(library, p) {
    const indicator = new library.KST({
      ROCPer1: p.roc1,
      ROCPer2: p.roc2,
      ROCPer3: p.roc3,
      ROCPer4: p.roc4,
      SMAROCPer1: p.sma1,
      SMAROCPer2: p.sma2,
      SMAROCPer3: p.sma3,
      SMAROCPer4: p.sma4,
      signalPeriod: p.signal,
      values: NOTHING,
    });
    return ({ close }) => {
      const result = indicator.nextValue(close);
      return [result?.kst, result?.signal];
    };
  },
});

const forceIndex = adapt({
  name: 'forceindex',
  description: 'Exponential average of change times volume',
  parameters: { period: periodOf(13) },
  outputs: ['value'],
  warmup: ({ period }) => period,
  settled: ({ period }, tolerance) => 1 + forgettingEma(period, tolerance),
  start(library, { period }) {
    const indicator = new library.ForceIndex({ period, close: NOTHING, volume: NOTHING });
    return (candle) => [indicator.nextValue(candle)];
  },
});

const awesomeOscillator = adapt({
  name: 'awesomeoscillator',
  description: 'Fast minus slow simple average of hl2',
  parameters: { fast: periodOf(5), slow: periodOf(34) },
  outputs: ['value'],
  warmup: ({ fast, slow }) => Math.max(fast, slow) - 1,
  start(library, { fast, slow }) {
    const indicator = new library.AwesomeOscillator({
      fastPeriod: fast,
      slowPeriod: slow,
      high: NOTHING,
      low: NOTHING,
    });
    return (candle) => [indicator.nextValue(candle)];
  },
});

const ichimokuCloud = adapt({
  name: 'ichimokucloud',
  description: 'Ichimoku lines, the spans in the row of their candle and not displaced into the future',
  parameters: { conversion: periodOf(9), base: periodOf(26), span: periodOf(52) },
  outputs: ['conversion', 'base', 'spanA', 'spanB'],
  warmup: ({ conversion, base, span }) => Math.max(conversion, base, span) - 1,
  start(library, { conversion, base, span }) {
    const indicator = new library.IchimokuCloud({
      conversionPeriod: conversion,
      basePeriod: base,
      spanPeriod: span,
      displacement: 1,
      high: NOTHING,
      low: NOTHING,
    });
    return (candle) => {
      const result = indicator.nextValue(candle) as ReturnType<typeof indicator.nextValue> | undefined;
      return [result?.conversion, result?.base, result?.spanA, result?.spanB];
    };
  },
});

const chandelierExit = adapt({
  name: 'chandelierexit',
  description: 'Stops a multiple of the average true range below the highest and above the lowest price',
  parameters: { period: periodOf(22), multiplier: multiplierOf(3) },
  outputs: ['exitLong', 'exitShort'],
  warmup: ({ period }) => period,
  settled: ({ period }, tolerance) => forgettingRma(period, tolerance),
  start(library, { period, multiplier }) {
    const input = { period, multiplier, high: NOTHING, low: NOTHING, close: NOTHING };
    const indicator = new library.ChandelierExit(input);
    // Its declaration asks for arrays where its code takes the numbers of one candle.
    type Input = Parameters<typeof indicator.nextValue>[0];
    return (candle) => {
      const result = indicator.nextValue(candle as unknown as Input);
      return [result?.exitLong, result?.exitShort];
    };
  },
});

const averageGain = adapt({
  name: 'averagegain',
  description: "Wilder's average of the rises of the close",
  parameters: { period: periodOf(14) },
  outputs: ['value'],
  warmup: ({ period }) => period,
  settled: ({ period }, tolerance) => forgettingRma(period, tolerance),
  start(library, { period }) {
    const indicator = new library.AverageGain({ period, values: NOTHING });
    return ({ close }) => [indicator.nextValue(close)];
  },
});

const averageLoss = adapt({
  name: 'averageloss',
  description: "Wilder's average of the falls of the close",
  parameters: { period: periodOf(14) },
  outputs: ['value'],
  warmup: ({ period }) => period,
  settled: ({ period }, tolerance) => forgettingRma(period, tolerance),
  start(library, { period }) {
    const indicator = new library.AverageLoss({ period, values: NOTHING });
    return ({ close }) => [indicator.nextValue(close)];
  },
});

const heikinAshi = adapt({
  name: 'heikinashi',
  description: 'Heikin-Ashi candles',
  parameters: {},
  outputs: ['open', 'high', 'low', 'close'],
  warmup: () => 0,
  settled: (_parameters, tolerance) => 1 + forgetting(0.5, tolerance),
  start(library) {
    const indicator = new library.HeikinAshi({ open: NOTHING, high: NOTHING, low: NOTHING, close: NOTHING });
    return (candle) => {
      const result = indicator.nextValue(candle);
      return [result?.open, result?.high, result?.low, result?.close];
    };
  },
});

/**
 * What technicalindicators has beyond our own and gives a value per candle. Volume profile, Renko bricks, retracements
 * and crossings are not columns of a series.
 */
export const technicalIndicators: readonly Indicator[] = [
  [trix, kst, awesomeOscillator, forceIndex, averageGain, averageLoss],
  [ichimokuCloud, chandelierExit, heikinAshi],
].flat();
