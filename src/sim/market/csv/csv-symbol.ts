import { candleIndex, candleOpenTime, type Interval, intervalMs } from '../interval.js';
import { type Kline, type Listing, PERPETUAL_DELIVERY_DATE } from '../market.js';
import { type Bar, decimalsOf, flatBar, foldBars, partialBar } from './bar.js';
import { dividing, shiftOf, sourceOf } from './recording.js';
import type { CsvSeries } from './series.js';
import { Timeline } from './timeline.js';

const QUOTE_ASSETS = ['USDT', 'USDC', 'FDUSD', 'BUSD', 'USD', 'BTC', 'ETH', 'EUR'];
/** Rows that the printed precision is taken from. */
const PRECISION_ROWS = 200;

/** One symbol of a recording. Times in and out are the exchange's, shifted from those of the files. */
export class CsvSymbol {
  readonly listing: Listing;
  readonly #recorded: readonly CsvSeries[];
  readonly #shiftMs: number;
  readonly #timelines = new Map<Interval, Timeline | null>();

  constructor(symbol: string, recorded: readonly CsvSeries[], now: number) {
    this.#recorded = [...recorded].sort((a, b) => intervalMs(a.interval) - intervalMs(b.interval));
    this.#shiftMs = shiftOf(recorded, now);
    const first = Math.min(...recorded.map((series) => series.openTimes[0] as number));
    this.listing = listingOf(symbol, this.#finest, first + this.#shiftMs);
  }

  /** Null when the recording has nothing that candles of this interval can be built from. */
  timeline(interval: Interval): Timeline | null {
    let timeline = this.#timelines.get(interval);
    if (timeline === undefined) {
      const source = sourceOf(this.#recorded, interval);
      timeline = source === undefined ? null : new Timeline(interval, this.#shifted(source.openTimes));
      this.#timelines.set(interval, timeline);
    }
    return timeline;
  }

  /** The candles at positions [`from`, `to`] of the timeline, as they are once closed. */
  closedRows(interval: Interval, from: number, to: number): Kline[] {
    const timeline = this.timeline(interval);
    if (timeline === null) return [];
    return Array.from({ length: to - from + 1 }, (_, offset) => {
      const number = timeline.numberAt(from + offset);
      return this.#print(interval, number, this.#closedBar(interval, number) as Bar);
    });
  }

  /** The candle with that number as it stands at `now`, or null in a gap and before the recording. */
  candle(interval: Interval, number: number, now: number): Kline | null {
    if (this.timeline(interval)?.has(number) !== true) return null;
    const closed = candleOpenTime(interval, number + 1) <= now;
    const bar = closed ? this.#closedBar(interval, number) : this.#formingBar(interval, number, now);
    return bar && this.#print(interval, number, bar);
  }

  /** What traded in [`from`, `now`), at the resolution of the shortest series. */
  span(from: number, now: number): Kline | null {
    const { interval } = this.#finest;
    const start = candleOpenTime(interval, candleIndex(interval, from));
    const bar = this.#elapsed(this.#finest, start, now);
    return bar && toKline(bar, start, now);
  }

  get #finest(): CsvSeries {
    return this.#recorded[0] as CsvSeries;
  }

  *#shifted(openTimes: Float64Array): Iterable<number> {
    for (const time of openTimes) yield time + this.#shiftMs;
  }

  #closedBar(interval: Interval, number: number): Bar | null {
    const source = sourceOf(this.#recorded, interval);
    if (source === undefined) return null;
    return this.#rowsBetween(source, candleOpenTime(interval, number), candleOpenTime(interval, number + 1));
  }

  /** From the shortest series that divides the interval, so that it agrees with what that series shows at the same time. */
  #formingBar(interval: Interval, number: number, now: number): Bar | null {
    const openTime = candleOpenTime(interval, number);
    const [finer] = dividing(this.#recorded, interval);
    const elapsed = finer && this.#elapsed(finer, openTime, now);
    if (elapsed) return elapsed;
    const whole = this.#closedBar(interval, number);
    return whole && partialBar(whole, (now - openTime) / (candleOpenTime(interval, number + 1) - openTime));
  }

  /** The bars of `series` from `start` to `now` as one, the last of them as far as it has come. */
  #elapsed(series: CsvSeries, start: number, now: number): Bar | null {
    const current = candleOpenTime(series.interval, candleIndex(series.interval, now));
    const closed = start < current ? this.#rowsBetween(series, start, current) : null;
    const end = candleOpenTime(series.interval, candleIndex(series.interval, now) + 1);
    const whole = this.#rowsBetween(series, current, end);
    const forming = whole && partialBar(whole, (now - current) / (end - current));
    const bars = [closed, forming].filter((bar) => bar !== null);
    return bars.length === 0 ? null : foldBars(bars as [Bar, ...Bar[]]);
  }

  /** The recorded rows in [`start`, `end`) as one bar; flat after the recording's end, null in a gap. */
  #rowsBetween(series: CsvSeries, start: number, end: number): Bar | null {
    const from = series.rowFrom(start - this.#shiftMs);
    const to = series.rowFrom(end - this.#shiftMs);
    if (from === series.length) return flatBar(series.bar(series.length - 1));
    const bars = Array.from({ length: to - from }, (_, offset) => series.bar(from + offset));
    return bars.length === 0 ? null : foldBars(bars as [Bar, ...Bar[]]);
  }

  #print(interval: Interval, number: number, bar: Bar): Kline {
    return toKline(bar, candleOpenTime(interval, number), candleOpenTime(interval, number + 1) - 1);
  }
}

/** The columns that a recording lacks are made up from those it has: the quote volume at the mean price, half of it taken. */
function toKline(bar: Bar, openTime: number, closeTime: number): Kline {
  const mean = (Number(bar.open) + Number(bar.high) + Number(bar.low) + Number(bar.close)) / 4;
  const volume = Number(bar.volume);
  const quote = volume * mean;
  return {
    openTime,
    closeTime,
    ...bar,
    quoteVolume: quote.toFixed(5),
    trades: Math.ceil(quote / 1_000),
    takerBase: (volume / 2).toFixed(Math.max(3, decimalsOf(bar.volume))),
    takerQuote: (quote / 2).toFixed(5),
  };
}

function listingOf(symbol: string, finest: CsvSeries, onboardDate: number): Listing {
  const count = Math.min(PRECISION_ROWS, finest.length);
  const bars = Array.from({ length: count }, (_, offset) => finest.bar(finest.length - 1 - offset));
  const pricePrecision = Math.max(
    ...bars.flatMap(({ open, high, low, close }) => [open, high, low, close].map(decimalsOf)),
  );
  const quantityPrecision = Math.max(...bars.map((bar) => decimalsOf(bar.volume)));
  const quoteAsset = QUOTE_ASSETS.find((asset) => symbol.endsWith(asset) && symbol !== asset) ?? 'USDT';
  return {
    symbol,
    pair: symbol,
    contractType: 'PERPETUAL',
    status: 'TRADING',
    baseAsset: symbol.endsWith(quoteAsset) ? symbol.slice(0, -quoteAsset.length) : symbol,
    quoteAsset,
    onboardDate,
    deliveryDate: PERPETUAL_DELIVERY_DATE,
    pricePrecision,
    quantityPrecision,
    tickSize: (10 ** -pricePrecision).toFixed(pricePrecision),
    stepSize: (10 ** -quantityPrecision).toFixed(quantityPrecision),
    underlyingType: 'COIN',
    underlyingSubType: [],
  };
}
