import { UsageError } from '../domain/errors.js';
import type { CommonOptions } from './common.js';

export interface ScanOptions extends CommonOptions {
  readonly exchange?: string;
  readonly symbols?: string;
  readonly timeframes?: string;
  readonly latencyMs: number;
  readonly top: number;
  readonly candlesOut?: string;
  readonly bench?: boolean;
  readonly runs: number;
}

/** The settings that the options of this command stand for. */
export function settingsOf({
  exchange,
  symbols,
  timeframes,
}: Pick<ScanOptions, 'exchange' | 'symbols' | 'timeframes'>): string[] {
  const settings: string[] = [];
  if (exchange !== undefined) settings.push(`exchange.id=${exchange}`);
  if (timeframes !== undefined) settings.push(`timeframes=[${timeframes}]`);
  if (symbols !== undefined) {
    const count = countOf(symbols);
    if (count === null) settings.push(`universe.include=[${symbols}]`);
    else if (count < 1)
      throw new UsageError(`--symbols: found ${symbols}, allowed a number from 1 or a comma list of symbols`);
    else settings.push(`universe.maxSymbols=${count}`);
  }
  return settings;
}

export function countOf(symbols: string | undefined): number | null {
  return symbols !== undefined && /^\d+$/.test(symbols) ? Number(symbols) : null;
}
