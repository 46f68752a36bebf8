import type { Instrument } from './exchange/contract.js';
import type { ContractInfo } from './stream/contract.js';
import {
  type Exclusion,
  type ExclusionReason,
  selectUniverse,
  type Universe,
  type UniverseFilters,
} from './universe.js';

/** What no news of a contract can change. */
const FOR_GOOD: ReadonlySet<ExclusionReason> = new Set(['name', 'quote', 'excluded', 'notIncluded']);

/** A symbol that is no longer scanned; `unlisted` ones are not in the exchange's list at all. */
export interface Removal extends Omit<Exclusion, 'reason'> {
  readonly reason: ExclusionReason | 'unlisted';
}

export interface UniverseChange {
  readonly added: readonly Instrument[];
  readonly removed: readonly Removal[];
  /** What is scanned from now on: the symbols that stay keep their order, new ones come after them. */
  readonly universe: Universe;
}

/** Why a symbol goes that only the exchange can have taken away, whatever the filters are. */
const BY_THE_LIST: ReadonlySet<Removal['reason']> = new Set(['unlisted', 'status']);

/** From what is scanned to what was selected of a newer list. */
export function changeTo(current: Universe, selected: Universe): UniverseChange {
  const bySymbol = new Map(selected.instruments.map((instrument) => [instrument.symbol, instrument]));
  const exclusions = new Map(selected.excluded.map((exclusion) => [exclusion.symbol, exclusion]));
  const held = new Set(current.instruments.map(({ symbol }) => symbol));
  const kept = current.instruments.flatMap(({ symbol }) => bySymbol.get(symbol) ?? []);
  const added = selected.instruments.filter(({ symbol }) => !held.has(symbol));
  const removed = current.instruments
    .filter(({ symbol }) => !bySymbol.has(symbol))
    .map(({ symbol }): Removal => exclusions.get(symbol) ?? { symbol, reason: 'unlisted', found: 'not in the list' });
  return { added, removed, universe: { instruments: [...kept, ...added], excluded: selected.excluded } };
}

/** What other filters take away of what is scanned, as far as no list has to be read for that. */
export function narrowed(current: Universe, filters: UniverseFilters, now: number): UniverseChange {
  const known = { ...filters, maxSymbols: null, minQuoteVolume24h: null };
  const { excluded: removed } = selectUniverse(current.instruments, known, now);
  return { added: [], removed, universe: without(current, removed) };
}

/** The universe without some of its symbols; those it does not hold are passed over. */
export function without(universe: Universe, exclusions: readonly Exclusion[]): Universe {
  if (exclusions.length === 0) return universe;
  const held = new Set(universe.instruments.map(({ symbol }) => symbol));
  const out = exclusions.filter(({ symbol }) => held.has(symbol));
  const symbols = new Set(out.map(({ symbol }) => symbol));
  return {
    instruments: universe.instruments.filter(({ symbol }) => !symbols.has(symbol)),
    excluded: [...universe.excluded, ...out],
  };
}

/**
 * A list that takes away more than half of what is scanned is more likely cut than true, so it counts only when the list
 * before took away most of the same. With `newFilters`, which take away what they are meant to, only what the list itself
 * lacks counts. Returns what is in doubt, to be handed in with the next list, or null when the list is to be believed.
 */
export function doubtOf(
  current: Universe,
  removed: readonly Removal[],
  doubted: ReadonlySet<string> | null,
  newFilters = false,
): ReadonlySet<string> | null {
  const half = current.instruments.length / 2;
  const taken = newFilters ? removed.filter(({ reason }) => BY_THE_LIST.has(reason)) : removed;
  if (taken.length <= half) return null;
  const agreed = taken.filter(({ symbol }) => doubted?.has(symbol) === true);
  return agreed.length > half ? null : new Set(taken.map(({ symbol }) => symbol));
}

/** Whether a change of a contract can change what is scanned. Most are about leverage brackets and the like. */
export function isNews(universe: Universe, { symbol, status, contractType }: ContractInfo): boolean {
  const known = universe.instruments.find((instrument) => instrument.symbol === symbol);
  if (known !== undefined) return status !== known.status || contractType !== known.contractType;
  const exclusion = universe.excluded.find((one) => one.symbol === symbol);
  return exclusion === undefined || !FOR_GOOD.has(exclusion.reason);
}
