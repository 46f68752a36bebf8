import { ConfigError } from '../../../domain/errors.js';
import { candleIndex, candleOpenTime, type Interval } from '../interval.js';
import type { Bar } from './bar.js';

const HEADER = 'open_time_ms,open,high,low,close,volume';
const CELL_NAMES = ['open', 'high', 'low', 'close', 'volume'];
const DECIMAL = /^\d{1,20}(\.\d{1,20})?$/;
const TIME = /^\d{1,15}$/;
/** The time and five decimals: recordings have hundreds of thousands of lines, so a good one is read in one step. */
const LINE = new RegExp(`^(\\d{1,15})${',(\\d{1,20}(?:\\.\\d{1,20})?)'.repeat(CELL_NAMES.length)}$`);

/** One file of candles: the text as it is and where each row begins. Times are the recording's own. */
export class CsvSeries {
  readonly interval: Interval;
  /** Open times, ascending, on the interval's grid, with gaps where the file has gaps. Never empty. */
  readonly openTimes: Float64Array;
  readonly #lines: readonly string[];

  /** Throws a `ConfigError` that names file and line. */
  constructor(file: string, interval: Interval, text: string) {
    const [header, ...lines] = text.split(/\r?\n/);
    if (header !== HEADER) throw wrong(file, 1, header ?? '', `the header ${HEADER}`);
    if (lines[lines.length - 1] === '') lines.pop();
    if (lines.length === 0) throw wrong(file, 2, 'no rows', 'at least one row');
    this.interval = interval;
    this.#lines = lines;
    this.openTimes = new Float64Array(lines.length);
    for (const [index, line] of lines.entries()) {
      const defect = this.#check(index, line);
      if (defect !== null) throw wrong(file, index + 2, line, defect);
    }
  }

  get length(): number {
    return this.openTimes.length;
  }

  bar(row: number): Bar {
    const [, open, high, low, close, volume] = (this.#lines[row] as string).split(',') as Six;
    return { open, high, low, close, volume };
  }

  /** The first row at or after `time`, or the length. */
  rowFrom(time: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.openTimes[middle] as number) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Stores the row's time; says what is allowed when the row is wrong. */
  #check(index: number, line: string): string | null {
    const cells = LINE.exec(line);
    if (cells === null) return allowedShape(line);
    const time = Number(cells[1]);
    if (candleOpenTime(this.interval, candleIndex(this.interval, time)) !== time) {
      return `open_time_ms on the grid of ${this.interval}`;
    }
    if (index > 0 && time <= (this.openTimes[index - 1] as number)) return 'ascending open times';
    this.openTimes[index] = time;
    const [open, high, low, close] = [Number(cells[2]), Number(cells[3]), Number(cells[4]), Number(cells[5])];
    const prices = [open, high, low, close];
    if (prices.includes(0)) return `${CELL_NAMES[prices.indexOf(0)]} as a plain decimal above 0`;
    return low > Math.min(open, close) || high < Math.max(open, close) ? 'low <= open, close <= high' : null;
  }
}

/** What a line that is no row should have had. */
function allowedShape(line: string): string {
  const [time = '', ...numbers] = line.split(',');
  if (numbers.length !== CELL_NAMES.length) return '6 cells';
  if (!TIME.test(time)) return 'open_time_ms in whole milliseconds';
  const bad = numbers.findIndex((cell) => !DECIMAL.test(cell));
  return `${CELL_NAMES[bad]} as a plain decimal${bad < 4 ? ' above 0' : ''}`;
}

type Six = [string, string, string, string, string, string];

function wrong(file: string, line: number, found: string, allowed: string): ConfigError {
  const shown = found.length > 120 ? `${found.slice(0, 120)}…` : found;
  return new ConfigError(`${file}, line ${line}: found ${JSON.stringify(shown)}, allowed: ${allowed}`);
}
