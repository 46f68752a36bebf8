import { candleIndex, type Interval } from '../interval.js';
import { firstIndexFrom, type KlineWindow } from '../market.js';

/**
 * Which candles of one interval exist, by position: the recorded ones, which may have gaps between their numbers, and after
 * them all further ones without end.
 */
export class Timeline {
  readonly #interval: Interval;
  /** Candle numbers, ascending, never empty. */
  readonly #numbers: readonly number[];

  /** `openTimes` of a series that divides the interval, ascending. */
  constructor(interval: Interval, openTimes: Iterable<number>) {
    const numbers: number[] = [];
    for (const time of openTimes) {
      const number = candleIndex(interval, time);
      if (number !== numbers[numbers.length - 1]) numbers.push(number);
    }
    this.#interval = interval;
    this.#numbers = numbers;
  }

  numberAt(position: number): number {
    const { length } = this.#numbers;
    return position < length ? (this.#numbers[position] as number) : this.#last + position - length + 1;
  }

  has(number: number): boolean {
    return this.numberAt(this.#positionFrom(number)) === number;
  }

  /** The positions that a window selects, none of a number above `newest`; empty when `from > to`. */
  select(window: KlineWindow, newest: number): { readonly from: number; readonly to: number } {
    const { startTime, endTime, limit } = window;
    const bound = endTime === undefined ? newest : Math.min(newest, candleIndex(this.#interval, endTime));
    const last = this.#positionFrom(bound + 1) - 1;
    if (startTime === undefined) return { from: Math.max(0, last - limit + 1), to: last };
    const from = this.#positionFrom(firstIndexFrom(this.#interval, startTime));
    return { from, to: Math.min(last, from + limit - 1) };
  }

  get #last(): number {
    return this.#numbers[this.#numbers.length - 1] as number;
  }

  /** The first position whose number is not below `number`. */
  #positionFrom(number: number): number {
    if (number > this.#last) return this.#numbers.length - 1 + number - this.#last;
    let [low, high] = [0, this.#numbers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
