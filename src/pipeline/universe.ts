import type { Instrument } from './exchange/contract.js';

/** Filters over the exchange's list of instruments; see `universe.*` in `config/default.yaml`. */
export interface UniverseFilters {
  readonly quote: string;
  /** Symbols, or regular expressions between slashes. Empty includes all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly contractTypes: readonly string[];
  /** The most liquid ones are kept. */
  readonly maxSymbols: number | null;
  readonly minAgeMs: number | null;
  /** Quote asset. */
  readonly minQuoteVolume24h: number | null;
}

/** Why an instrument is not scanned; checked in this order, the first that applies is given. */
export type ExclusionReason =
  | 'name'
  | 'quote'
  | 'contractType'
  | 'status'
  | 'excluded'
  | 'notIncluded'
  | 'minAge'
  | 'minQuoteVolume24h'
  | 'maxSymbols';

export interface Exclusion {
  readonly symbol: string;
  readonly reason: ExclusionReason;
  /** What the instrument has, for a person: `SETTLING`, `USDC`. */
  readonly found: string;
}

export interface Universe {
  /** In the exchange's order, or most liquid first when volumes were needed. */
  readonly instruments: readonly Instrument[];
  readonly excluded: readonly Exclusion[];
}

/** Unicode letters, digits and `_`, as the exchange promises: such a symbol is harmless as a file name, in a URL and on a terminal. */
const SAFE_SYMBOL = /^[\p{L}\p{N}_]{1,40}$/u;

/** Whether the filters need the 24-hour volumes, which cost 40 weight to ask for. */
export function needsQuoteVolumes(filters: UniverseFilters): boolean {
  return filters.maxSymbols !== null || filters.minQuoteVolume24h !== null;
}

/**
 * Chooses what is scanned. `now` is the exchange's time (epoch ms); `quoteVolumes` (quote asset, 24 h) is required
 * when `needsQuoteVolumes` says so, and a symbol that it lacks counts as 0.
 */
export function selectUniverse(
  instruments: readonly Instrument[],
  filters: UniverseFilters,
  now: number,
  quoteVolumes: ReadonlyMap<string, number> = new Map(),
): Universe {
  const included = symbolMatcher(filters.include);
  const excludedBy = symbolMatcher(filters.exclude);
  const volumeOf = (instrument: Instrument) => quoteVolumes.get(instrument.symbol) ?? 0;

  const reasonFor = (instrument: Instrument): Omit<Exclusion, 'symbol'> | null => {
    const { symbol, quoteAsset, contractType, status, onboardTime } = instrument;
    if (!SAFE_SYMBOL.test(symbol)) return { reason: 'name', found: JSON.stringify(symbol.slice(0, 60)) };
    if (quoteAsset !== filters.quote) return { reason: 'quote', found: quoteAsset };
    if (!filters.contractTypes.includes(contractType)) return { reason: 'contractType', found: contractType || 'none' };
    if (status !== 'TRADING') return { reason: 'status', found: status };
    if (excludedBy(symbol)) return { reason: 'excluded', found: symbol };
    if (filters.include.length > 0 && !included(symbol)) return { reason: 'notIncluded', found: symbol };
    if (filters.minAgeMs !== null && now - onboardTime < filters.minAgeMs) {
      return { reason: 'minAge', found: new Date(onboardTime).toISOString() };
    }
    if (filters.minQuoteVolume24h !== null && volumeOf(instrument) < filters.minQuoteVolume24h) {
      return { reason: 'minQuoteVolume24h', found: String(volumeOf(instrument)) };
    }
    return null;
  };

  const kept: Instrument[] = [];
  const excluded: Exclusion[] = [];
  for (const instrument of instruments) {
    const reason = reasonFor(instrument);
    if (reason === null) kept.push(instrument);
    else excluded.push({ symbol: instrument.symbol, ...reason });
  }
  if (filters.maxSymbols === null) return { instruments: kept, excluded };

  const ranked = kept.toSorted((a, b) => volumeOf(b) - volumeOf(a));
  for (const { symbol } of ranked.slice(filters.maxSymbols)) {
    excluded.push({ symbol, reason: 'maxSymbols', found: `beyond the ${filters.maxSymbols} most liquid` });
  }
  return { instruments: ranked.slice(0, filters.maxSymbols), excluded };
}

/** Symbols that `include` names and that are not scanned all the same, with why. */
export function unmetInclude({ instruments, excluded }: Universe, include: readonly string[]): Map<string, string> {
  const kept = new Set(instruments.map(({ symbol }) => symbol));
  const reasons = new Map(excluded.map(({ symbol, reason, found }) => [symbol, `${reason} ${found}`]));
  const names = include.filter((pattern) => !isRegex(pattern) && !kept.has(pattern));
  return new Map(names.map((symbol) => [symbol, reasons.get(symbol) ?? 'not listed by the exchange']));
}

function symbolMatcher(patterns: readonly string[]): (symbol: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !isRegex(pattern)));
  const regexes = patterns.filter(isRegex).map((pattern) => new RegExp(pattern.slice(1, -1), 'u'));
  return (symbol) => exact.has(symbol) || regexes.some((regex) => regex.test(symbol));
}

function isRegex(pattern: string): boolean {
  return pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/');
}
