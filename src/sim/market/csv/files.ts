import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { ConfigError, UsageError } from '../../../domain/errors.js';
import { INTERVALS, isInterval } from '../interval.js';
import { CsvSeries } from './series.js';

const CANDLE_FILE = /\.csv(\.gz)?$/;
const NAME = /^(.+)-(\d+[a-zA-Z]+)\.csv(\.gz)?$/;
const unzip = promisify(gunzip);

/**
 * The candle files below `dir` by symbol: `SYMBOL-INTERVAL.csv` or `.csv.gz` at any depth; other files are left alone.
 * Rejects with a `UsageError` when there is none, with a `ConfigError` that names the file when one is wrong.
 */
export async function readCandleFiles(dir: string): Promise<Map<string, CsvSeries[]>> {
  const bySymbol = new Map<string, CsvSeries[]>();
  for (const path of await candlePaths(dir)) {
    const { symbol, interval } = nameOf(path);
    const held = bySymbol.get(symbol) ?? [];
    if (held.some((series) => series.interval === interval)) {
      throw new ConfigError(
        `${path}: found a second ${symbol}-${interval}, allowed is one file per symbol and interval`,
      );
    }
    held.push(new CsvSeries(path, interval, await readText(path)));
    bySymbol.set(symbol, held);
  }
  if (bySymbol.size === 0) throw new UsageError(`${dir}: found no candle file, allowed are SYMBOL-INTERVAL.csv[.gz]`);
  return bySymbol;
}

async function candlePaths(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && CANDLE_FILE.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    throw new UsageError(`${dir}: found no folder that can be read (${(error as Error).message})`);
  }
}

function nameOf(path: string) {
  const [, symbol = '', interval = ''] = NAME.exec(basename(path)) ?? [];
  if (symbol === '' || !isInterval(interval)) {
    throw new ConfigError(`${path}: found this name, allowed are SYMBOL-INTERVAL.csv[.gz] with ${INTERVALS.join(' ')}`);
  }
  return { symbol: symbol.toUpperCase(), interval };
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path);
  if (!path.endsWith('.gz')) return bytes.toString();
  try {
    return (await unzip(bytes)).toString();
  } catch (error) {
    throw new ConfigError(`${path}: found no gzip data (${(error as Error).message})`);
  }
}
