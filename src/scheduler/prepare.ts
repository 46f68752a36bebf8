import { type Slot, slotAt } from '../domain/slot.js';
import type { Timeframe } from '../domain/timeframe.js';
import { type Clock, sleep } from '../lib/clock.js';
import type { ExchangeClient, RequestOptions } from '../pipeline/exchange/contract.js';
import type { WeightGovernor } from '../pipeline/exchange/governor.js';
import { planSeries } from '../pipeline/plan.js';
import type { SeriesKey, SeriesStore } from '../pipeline/source.js';
import { needsQuoteVolumes, selectUniverse, type Universe, type UniverseFilters } from '../pipeline/universe.js';

/** What a cycle is going to cost, known before its first request goes out. */
export interface CyclePlan {
  readonly slot: Slot;
  readonly requests: number;
  readonly weight: number;
  /** Weight units a minute that may be used: the exchange's limit times our share. */
  readonly budget: number;
  /** How long the budget, or a closed gate, makes the last request wait. */
  readonly waitMs: number;
}

/** A `Date` header is cut to the second and its reply takes its time; further off, the exchange is asked. */
const DATE_TOLERANCE_MS = 1_500;

export interface UniverseOptions {
  readonly filters: UniverseFilters;
  readonly clock: Clock;
  /**
   * Makes do with the time in the reply's header when it agrees with ours, so that the list is the only request.
   * Otherwise the exchange is asked for its time along with the list.
   */
  readonly mayTrustDate: boolean;
  readonly signal?: AbortSignal;
}

/** The exchange's list of markets and its clock, of which the governor learns too; `skewMs` is local minus exchange. */
export async function loadUniverse(
  client: ExchangeClient,
  governor: WeightGovernor,
  { filters, clock, mayTrustDate, signal }: UniverseOptions,
): Promise<{ readonly universe: Universe; readonly skewMs: number }> {
  const urgent: RequestOptions = { lane: 'urgent', ...(signal !== undefined && { signal }) };
  const [info] = await Promise.all([client.exchangeInfo(urgent), !mayTrustDate && client.serverTime(urgent)]);
  const agrees = info.repliedAt !== null && Math.abs(clock.now() - info.repliedAt - 500) < DATE_TOLERANCE_MS;
  if (mayTrustDate && !agrees) await client.serverTime(urgent);
  const volumes = needsQuoteVolumes(filters) ? await client.quoteVolumes(urgent) : undefined;
  const universe = selectUniverse(info.instruments, filters, governor.exchangeNow(), volumes);
  return { universe, skewMs: clock.now() - governor.exchangeNow() };
}

/** The newest slot of the exchange's clock, once its candles have had time to settle. */
export async function settledSlot(
  exchange: Pick<WeightGovernor, 'exchangeNow'>,
  base: Timeframe,
  settleMs: number,
  clock: Clock,
  onSettle?: (waitMs: number) => void,
): Promise<Slot> {
  const slot = slotAt(exchange.exchangeNow(), base);
  const waitMs = slot + settleMs - exchange.exchangeNow();
  if (waitMs <= 0) return slot;
  onSettle?.(waitMs);
  await sleep(clock, waitMs);
  return slot;
}

/** What it will cost to bring these series to the slot. */
export function planCycle(
  client: Pick<ExchangeClient, 'klinesWeight'>,
  governor: WeightGovernor,
  store: SeriesStore,
  keys: readonly SeriesKey[],
  slot: Slot,
  firstLook: number,
): CyclePlan {
  const queries = keys
    .map((key) => planSeries(key.symbol, key.timeframe, store.get(key), slot, firstLook))
    .filter((query) => query !== null);
  const weight = queries.reduce((sum, { limit }) => sum + client.klinesWeight(limit), 0);
  const waitMs = weight === 0 ? 0 : governor.plan(weight).waitMs;
  return { slot, requests: queries.length, weight, budget: governor.budget, waitMs };
}
