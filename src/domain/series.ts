import { type CandleRow, candleDefect, type Refusal, SOURCES, type Source, valuesDefect } from './candle.js';
import { floorToTimeframe, type Timeframe, timeframeMs } from './timeframe.js';

const COLUMN_COUNT = 6;
/** A tight buffer is renewed, and so left to the collector, after this share of the lookback. */
const TIGHT_SHARE = 32;
const BYTES_PER_ROW = COLUMN_COUNT * Float64Array.BYTES_PER_ELEMENT + 1;
/** Room that a series has at first: for what a cold one starts with. */
const FIRST_ROWS = 128;

/**
 * A reader's view of a series: plain data that crosses threads without a copy. The rows `[start, start + length)` of
 * `buffer` never change while anyone holds the window.
 *
 * Layout of `buffer`: six Float64 columns of `capacity` rows each (open time, open, high, low, close, volume), then
 * `capacity` bytes of source codes (index into `SOURCES`).
 */
export interface SeriesWindow {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly start: number;
  readonly length: number;
}

/** The columns of a window, ascending by open time, all of the window's length. */
export interface Columns {
  /** Epoch milliseconds UTC. */
  readonly openTime: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  /** Base asset. */
  readonly volume: Float64Array;
  /** Index into `SOURCES`. */
  readonly source: Uint8Array;
}

/** A whole buffer: `rows` holds the six Float64 columns one after the other, `sources` the codes. */
export interface Slab {
  readonly rows: Float64Array;
  readonly sources: Uint8Array;
  readonly capacity: number;
}

/** Rows that are kept elsewhere. */
export interface StoredRows {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** Epoch ms. */
  readonly firstOpenTime: number;
  readonly count: number;
}

/** Two views in place of a view for every column, for who goes through all of it. */
export function slabOf({ buffer, capacity }: Pick<SeriesWindow, 'buffer' | 'capacity'>): Slab {
  return {
    rows: new Float64Array(buffer, 0, COLUMN_COUNT * capacity),
    sources: new Uint8Array(buffer, COLUMN_COUNT * capacity * 8, capacity),
    capacity,
  };
}

/** Memory for so many rows. */
export function allocateBuffer(capacity: number): SharedArrayBuffer {
  return new SharedArrayBuffer(capacity * BYTES_PER_ROW);
}

/** The columns of a window as views on its buffer; nothing is copied. */
export function columnsOf(window: SeriesWindow): Columns {
  const { buffer, capacity, start, length } = window;
  const column = (index: number) => new Float64Array(buffer, (index * capacity + start) * 8, length);
  return {
    openTime: column(0),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
    source: sourceCodesOf(window),
  };
}

/** The source column alone, which is all that counting them needs. */
export function sourceCodesOf({ buffer, capacity, start, length }: SeriesWindow): Uint8Array {
  return new Uint8Array(buffer, COLUMN_COUNT * capacity * 8 + start, length);
}

/**
 * The closed candles of one (symbol, timeframe): contiguous, ascending, columnar, on shared memory.
 *
 * Rows are appended behind the ones that readers were handed. When the buffer is full, or a row that is already there
 * must change, the newest rows move to a fresh buffer and the old one lives on for whoever still reads it; so a window
 * is never overwritten and a reader never needs a lock.
 *
 * A row that is not finite, not on the grid, still forming, out of order or behind a gap is refused with the reason.
 */
export class Series {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** Closed candles that a full window holds. */
  readonly lookback: number;
  readonly #stepMs: number;
  #slack: number;
  #buffer: SharedArrayBuffer;
  #slab: Slab;
  /** One past the newest row in the buffer. */
  #end = 0;
  #length = 0;

  /**
   * `slack` rows beyond the lookback, at least one, are appended before the buffer is renewed; there is room for `held`
   * rows at once.
   */
  constructor(symbol: string, timeframe: Timeframe, lookback: number, slack = defaultSlack(lookback), held = 0) {
    if (!Number.isInteger(lookback) || lookback < 1)
      throw new RangeError(`lookback must be at least 1, not ${lookback}`);
    this.symbol = symbol;
    this.timeframe = timeframe;
    this.lookback = lookback;
    this.#stepMs = timeframeMs(timeframe);
    this.#slack = Math.max(1, slack);
    // A series that grows is moved a few times on its way to a full window, not at every row.
    const room = held < FIRST_ROWS ? FIRST_ROWS : 2 * held;
    const capacity = Math.max(held, Math.min(lookback + this.#slack, room));
    this.#buffer = allocateBuffer(capacity);
    this.#slab = slabOf({ buffer: this.#buffer, capacity });
  }

  /**
   * A series of stored rows, one timeframe apart from `firstOpenTime` on, of which `read` writes all but the open times
   * to the front of the columns; or why one of them is refused, by the rules of `append`.
   */
  static restore(
    { symbol, timeframe, firstOpenTime, count }: StoredRows,
    lookback: number,
    read: (slab: Slab) => void,
    closedBy: number,
  ): Series | Refusal {
    const stepMs = timeframeMs(timeframe);
    // Rows one step apart are all on the grid when the first is, and all closed when the last is.
    if (floorToTimeframe(firstOpenTime, timeframe) !== firstOpenTime) return 'grid';
    if (firstOpenTime + count * stepMs > closedBy) return 'forming';
    const series = new Series(symbol, timeframe, lookback, undefined, count);
    const { rows, sources, capacity } = series.#slab;
    read(series.#slab);
    for (let index = 0; index < count; index++) {
      const time = firstOpenTime + index * stepMs;
      rows[index] = time;
      const defect = valuesDefect(
        time,
        rows[capacity + index] as number,
        rows[2 * capacity + index] as number,
        rows[3 * capacity + index] as number,
        rows[4 * capacity + index] as number,
        rows[5 * capacity + index] as number,
      );
      if (defect !== null) return defect;
      if ((sources[index] as number) >= SOURCES.length) return 'shape';
    }
    series.#end = count;
    series.#length = Math.min(count, lookback);
    return series;
  }

  /** A series of the same candles on memory of its own. */
  copy(): Series {
    const copy = new Series(this.symbol, this.timeframe, this.lookback, this.#slack, this.#length);
    const [from, to] = [this.#slab, copy.#slab];
    const start = this.#end - this.#length;
    for (let column = 0; column < COLUMN_COUNT; column++) {
      const first = column * from.capacity;
      to.rows.set(from.rows.subarray(first + start, first + this.#end), column * to.capacity);
    }
    to.sources.set(from.sources.subarray(start, this.#end));
    copy.#length = this.#length;
    copy.#end = this.#length;
    return copy;
  }

  /** Closed candles held, at most `lookback`. */
  get length(): number {
    return this.#length;
  }

  get byteLength(): number {
    return this.#buffer.byteLength;
  }

  /** Open time of the oldest candle held, or null when empty. */
  get firstOpenTime(): number | null {
    return this.#length === 0 ? null : (this.#slab.rows[this.#end - this.#length] as number);
  }

  /** Open time of the newest candle held, or null when empty. */
  get lastOpenTime(): number | null {
    return this.#length === 0 ? null : (this.#slab.rows[this.#end - 1] as number);
  }

  /** Appends the candle that follows the newest one; `closedBy` is the exchange's time. Returns why it was refused, or null. */
  append(row: CandleRow, source: Source, closedBy: number): Refusal | null {
    const defect = candleDefect(row, this.timeframe, closedBy);
    if (defect !== null) return defect;
    const last = this.lastOpenTime;
    if (last !== null && row[0] !== last + this.#stepMs) {
      if (row[0] > last) return 'gap';
      return row[0] === last ? 'duplicate' : 'order';
    }
    if (this.#end === this.#slab.capacity) this.#renew();
    this.#write(this.#end, row, source);
    this.#end += 1;
    this.#length = Math.min(this.#length + 1, this.lookback);
    return null;
  }

  /**
   * Replaces a candle already held by a newer statement of the exchange. Returns `'unchanged'` when every value is the
   * same, `'revised'` when the row changed (readers keep the old one), or why the row was refused.
   */
  revise(row: CandleRow, source: Source, closedBy: number): 'unchanged' | 'revised' | Refusal {
    const defect = candleDefect(row, this.timeframe, closedBy);
    if (defect !== null) return defect;
    const last = this.lastOpenTime;
    if (last === null || row[0] > last) return 'gap';
    const index = this.#end - 1 - (last - row[0]) / this.#stepMs;
    if (index < this.#end - this.#length) return 'order';
    const { rows, capacity } = this.#slab;
    let same = true;
    for (let column = 1; column < COLUMN_COUNT; column++) {
      if (rows[column * capacity + index] !== row[column]) same = false;
    }
    if (same) return 'unchanged';
    const fromEnd = this.#end - index;
    this.#renew();
    this.#write(this.#end - fromEnd, row, source);
    return 'revised';
  }

  /**
   * The newest `count` candles (all that are held when there are fewer), or those up to and with the candle that
   * opened at `until`: what a cycle sees when the next candle has closed already.
   */
  window({ count = this.lookback, until }: { readonly count?: number; readonly until?: number } = {}): SeriesWindow {
    const later = until === undefined ? 0 : Math.max(0, ((this.lastOpenTime ?? until) - until) / this.#stepMs);
    const length = Math.max(0, Math.min(count, this.#length - later));
    return {
      symbol: this.symbol,
      timeframe: this.timeframe,
      buffer: this.#buffer,
      capacity: this.#slab.capacity,
      start: this.#end - later - length,
      length,
    };
  }

  /**
   * From now on with room for a few appends only, or with the usual room again, which the next renewal of the buffer
   * brings. Readers keep the buffer that they were handed.
   */
  setTight(tight: boolean): void {
    this.#slack = tight ? Math.ceil(this.lookback / TIGHT_SHARE) : defaultSlack(this.lookback);
    if (this.#slab.capacity > this.lookback + this.#slack) this.#renew();
  }

  #write(index: number, row: CandleRow, source: Source): void {
    const { rows, sources, capacity } = this.#slab;
    for (let column = 0; column < COLUMN_COUNT; column++) {
      rows[column * capacity + index] = row[column] as number;
    }
    sources[index] = SOURCES.indexOf(source);
  }

  /** Moves the newest rows, all that a full window needs, to the front of a fresh buffer. */
  #renew(): void {
    const fresh = this.copy();
    this.#buffer = fresh.#buffer;
    this.#slab = fresh.#slab;
    this.#end = this.#length;
  }
}

function defaultSlack(lookback: number): number {
  return Math.ceil(lookback / 4);
}
