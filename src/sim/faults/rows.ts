import type { Random } from '../../lib/random.js';
import type { TypedAction } from './rule.js';

type RowsAction = TypedAction<'rows'>;
type CellAction = TypedAction<'cell'>;
type Row = unknown[];
type Change = (rows: unknown[], at: number, random: Random) => void;

const MINUTE_MS = 60_000;
const YEAR_MS = 365 * 24 * 60 * MINUTE_MS;
const OPEN_TIME = 0;
const CLOSE_TIME = 6;

function moveTimes(row: Row, move: (time: number) => number): void {
  row[OPEN_TIME] = move(row[OPEN_TIME] as number);
  row[CLOSE_TIME] = move(row[CLOSE_TIME] as number);
}

/** Each spoils the row at `at`, or the order of all. */
const CHANGES: Record<RowsAction['change'], Change> = {
  dropFirst: (rows) => rows.shift(),
  dropLast: (rows) => rows.pop(),
  dropMiddle: (rows, at) => rows.splice(at, 1),
  duplicate: (rows, at) => rows.splice(at, 0, rows[at]),
  reverse: (rows) => rows.splice(0, rows.length, ...rows.toReversed()),
  shuffle: (rows, _at, random) => shuffle(rows, random),
  misalign: (rows, at) => moveTimes(rows[at] as Row, (time) => time + 7_001),
  future: (rows, at) => moveTimes(rows[at] as Row, (time) => time + YEAR_MS),
  epoch: (rows, at) => moveTimes(rows[at] as Row, () => 0),
  microseconds: (rows) => {
    for (const row of rows) moveTimes(row as Row, (time) => time * 1_000);
  },
  elevenColumns: (rows, at) => (rows[at] as Row).pop(),
  thirteenColumns: (rows, at) => (rows[at] as Row).push('0'),
  object: (rows, at) => {
    rows[at] = Object.fromEntries(Object.entries(rows[at] as Row));
  },
  null: (rows, at) => {
    rows[at] = null;
  },
  revise: (rows, at) => {
    const row = rows[at] as Row;
    // Another close within the candle's range: what was said of a closed candle is no longer true.
    row[4] = row[4] === row[2] ? row[3] : row[2];
  },
  swapHighLow: (rows, at) => {
    const row = rows[at] as Row;
    [row[2], row[3]] = [row[3], row[2]];
  },
};

function shuffle(rows: unknown[], random: Random): void {
  for (let index = rows.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [rows[index], rows[other]] = [rows[other], rows[index]];
  }
}

/** Changes a klines reply; a body that is no list of rows stays as it is. */
export function changeRows(text: string, action: RowsAction, random: Random): string {
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows) || rows.length === 0) return text;
  CHANGES[action.change](rows, placeOf(action.row ?? Math.floor(rows.length / 2), rows.length), random);
  return JSON.stringify(rows);
}

/** Puts a value into one cell of a klines reply. */
export function changeCell(text: string, action: CellAction): string {
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows) || rows.length === 0) return text;
  const row = rows[placeOf(action.row, rows.length)] as Row;
  if (action.raw === undefined) {
    row[action.column] = action.value ?? null;
    return JSON.stringify(rows);
  }
  const marker = '\u0000raw\u0000';
  row[action.column] = marker;
  return JSON.stringify(rows).replace(JSON.stringify(marker), () => action.raw as string);
}

function placeOf(row: number, length: number): number {
  return Math.max(0, Math.min(length - 1, row < 0 ? length + row : row));
}
