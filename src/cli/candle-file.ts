import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { UsageError } from '../domain/errors.js';
import type { Columns } from '../domain/series.js';

const HEADER = 'open_time_ms,open,high,low,close,volume';
const ROW = /^(\d{1,16}),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)$/;

/**
 * The candles of a CSV file (gzipped when it ends in `.gz`) as columns, row by row as they stand there, holes included.
 * Throws a `UsageError` that names file, line, what was found and what is allowed.
 */
export async function readCandleFile(file: string): Promise<Columns> {
  const lines = (await textOf(file)).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (!lines[0]?.startsWith(HEADER)) {
    throw new UsageError(
      `${file}:1: found ${JSON.stringify(lines[0]?.slice(0, 80) ?? '')}, allowed the header ${HEADER}`,
    );
  }
  const rows = lines.length - 1;
  const column = () => new Float64Array(rows);
  const columns = [column(), column(), column(), column(), column(), column()] as const;
  const cells = HEADER.split(',').length;
  for (let row = 0; row < rows; row++) {
    // Further columns, such as the source that `scan --candles-out` writes, are passed over.
    const line = (lines[row + 1] as string).split(',', cells).join(',');
    const values = ROW.exec(line);
    if (values === null)
      throw new UsageError(
        `${file}:${row + 2}: found ${JSON.stringify(line.slice(0, 80))}, allowed ${HEADER} as plain decimals`,
      );
    columns.forEach((target, index) => {
      target[row] = Number(values[index + 1]);
    });
    const [openTime] = columns;
    if (row > 0 && (openTime[row] as number) <= (openTime[row - 1] as number)) {
      throw new UsageError(
        `${file}:${row + 2}: found the open time ${openTime[row]} after ${openTime[row - 1]}, allowed ascending open times`,
      );
    }
  }
  const [openTime, open, high, low, close, volume] = columns;
  return { openTime, open, high, low, close, volume, source: new Uint8Array(rows) };
}

async function textOf(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  } catch (error) {
    throw new UsageError(`${file}: cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
