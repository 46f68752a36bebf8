import type { Columns } from '../../../domain/series.js';
import type { Random } from '../../../lib/random.js';
import type { PlainCandles } from './contestants.js';

/** Candles of 5 minutes from a midnight on, prices on a grid of 0.01. */
export function randomWalk(length: number, random: Random): Columns {
  const column = () => new Float64Array(length);
  const candles = {
    openTime: column(),
    open: column(),
    high: column(),
    low: column(),
    close: column(),
    volume: column(),
  };
  let price = 100 + 900 * random();
  const step = () => price * 0.004 * (random() - 0.5);
  for (let i = 0; i < length; i++) {
    const open = price;
    price += step();
    candles.openTime[i] = i * 300_000;
    candles.open[i] = cents(open);
    candles.close[i] = cents(price);
    candles.high[i] = cents(Math.max(open, price) + Math.abs(step()));
    candles.low[i] = cents(Math.min(open, price) - Math.abs(step()));
    candles.volume[i] = Math.round(1_000 * random()) + 1;
  }
  return { ...candles, source: new Uint8Array(length) };
}

function cents(price: number): number {
  return Math.round(price * 100) / 100;
}

/** The same candles as technicalindicators takes them. */
export function plainCandles({ high, low, close, volume }: Columns): PlainCandles {
  return { high: [...high], low: [...low], close: [...close], volume: [...volume] };
}
