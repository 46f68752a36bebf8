import { setTimeout as sleep } from 'node:timers/promises';
import { type Timeframe, timeframeMs } from '../../src/domain/timeframe.js';
import type { CandleItem } from '../../src/server/ports.js';

const ASKED_AT_ONCE = 8;
/** Weight 2 each; more than a daemon of these tests holds. */
const ROWS = 499;

export interface AuditOptions {
  readonly restUrl: string;
  readonly daemonUrl: string;
  readonly symbols: readonly string[];
  readonly timeframes: readonly Timeframe[];
}

export interface Audit {
  readonly compared: number;
  /** Candles that are not the exchange's. */
  readonly wrong: readonly string[];
  /** Series that are not held, have a hole, or lack the newest candle that was closed before they were asked for. */
  readonly lacking: readonly string[];
}

/**
 * Compares every candle that a daemon serves with the exchange's klines, digit for digit. The exchange is asked by
 * another path, for the contract in place of the symbol, so that faults can be put in for the daemon alone.
 */
export async function auditCandles(options: AuditOptions, newest = ROWS): Promise<Audit> {
  const { symbols, timeframes } = options;
  const series = timeframes.flatMap((timeframe) => symbols.map((symbol) => ({ symbol, timeframe })));
  const audits: Audit[] = [];
  const lane = async () => {
    for (let next = series.shift(); next !== undefined; next = series.shift()) {
      audits.push(await auditSeries(options, next.symbol, next.timeframe, newest));
    }
  };
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, lane));
  return {
    compared: audits.reduce((sum, { compared }) => sum + compared, 0),
    wrong: audits.flatMap(({ wrong }) => wrong),
    lacking: audits.flatMap(({ lacking }) => lacking),
  };
}

async function auditSeries(options: AuditOptions, symbol: string, timeframe: Timeframe, newest: number) {
  const step = timeframeMs(timeframe);
  const at = Date.now();
  const name = `${symbol} ${timeframe}`;
  const held = await heldCandles(options.daemonUrl, symbol, timeframe, newest);
  const truth = await exchangeRows(options.restUrl, symbol, timeframe);
  if (held === null) return { compared: 0, wrong: [], lacking: truth.size === 0 ? [] : [`${name}: not held`] };
  const wrong = held.flatMap(({ openTime, open, high, low, close, volume, source }) => {
    const found = [open, high, low, close, volume].join();
    const expected = truth.get(openTime);
    const time = new Date(openTime).toISOString();
    return found === expected ? [] : [`${name} ${time} of ${source}: ${found}, not ${expected}`];
  });
  const times = held.map(({ openTime }) => openTime);
  const hole = times.findIndex((time, index) => index > 0 && time - (times[index - 1] as number) !== step);
  const due = Math.floor(at / step) * step - step;
  const lacking = [
    ...(hole > 0 ? [`${name}: a hole before ${new Date(times[hole] as number).toISOString()}`] : []),
    ...(truth.has(due) && (times.at(-1) ?? 0) < due ? [`${name}: ends before ${new Date(due).toISOString()}`] : []),
  ];
  return { compared: held.length, wrong, lacking };
}

/** Waits where the daemon says that it was asked for too many rows. */
async function heldCandles(daemonUrl: string, symbol: string, timeframe: Timeframe, newest: number) {
  for (;;) {
    const response = await fetch(
      `${daemonUrl}/api/v1/candles/${encodeURIComponent(symbol)}/${timeframe}?limit=${newest}`,
    );
    const body = (await response.json()) as { readonly candles: readonly CandleItem[] };
    if (response.status === 404) return null;
    if (response.ok) return body.candles;
    if (response.status !== 429) throw new Error(`${symbol} ${timeframe}: ${response.status} ${JSON.stringify(body)}`);
    await sleep(1_000 * Number(response.headers.get('retry-after') ?? 1));
  }
}

/** The numbers of each closed candle, as text, by when it opened. */
async function exchangeRows(restUrl: string, symbol: string, timeframe: Timeframe): Promise<Map<number, string>> {
  const query = new URLSearchParams({
    pair: symbol,
    contractType: 'PERPETUAL',
    interval: timeframe,
    limit: String(ROWS),
    endTime: String(Date.now() - timeframeMs(timeframe)),
  });
  const response = await fetch(`${restUrl}/fapi/v1/continuousKlines?${query.toString()}`);
  if (!response.ok) throw new Error(`${symbol} ${timeframe}: ${response.status} ${await response.text()}`);
  const rows = (await response.json()) as [number, string, string, string, string, string][];
  return new Map(rows.map(([openTime, ...cells]) => [openTime, cells.slice(0, 5).map(Number).join()]));
}
