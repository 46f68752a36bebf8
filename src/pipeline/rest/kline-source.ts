import type { LimitFunction } from 'p-limit';
import type { Refusal } from '../../domain/candle.js';
import { ExchangeError, type ExchangeErrorKind } from '../../domain/errors.js';
import { Series } from '../../domain/series.js';
import type { Slot } from '../../domain/slot.js';
import type { ExchangeClient, KlineQuery, Lane } from '../exchange/contract.js';
import { type Ingested, ingest } from '../ingest.js';
import { planSeries } from '../plan.js';
import {
  type CandleSource,
  NOTHING_CAME,
  type SeriesKey,
  type SeriesOutcome,
  type SeriesStore,
  type SkipReason,
} from '../source.js';

export interface KlineSourceOptions {
  readonly name: 'history' | 'rest';
  /** Which share of the exchange's budget its requests may use. */
  readonly lane: Lane;
  readonly client: Pick<ExchangeClient, 'klines'>;
  readonly store: SeriesStore;
  /** The window of requests in flight; one for all batches, so that none of them is a barrier. */
  readonly window: LimitFunction;
  /** Closed candles kept per series. */
  readonly lookback: number;
  /** Candles of the first request of a cold series. */
  readonly firstLook: number;
  /** Told of every series that the exchange answered for. */
  readonly onAnswered?: OnAnswered | undefined;
}

export type OnAnswered = (source: 'history' | 'rest', outcome: SeriesOutcome) => void;

/** An exchange that serves holes to everybody must not double our requests: this share of a fill is asked for twice. */
const SECOND_ASK_SHARE = 0.1;
const SECOND_ASK_LEAST = 10;

const SKIP_REASON: Readonly<Record<ExchangeErrorKind, SkipReason>> = {
  unreachable: 'timeout',
  deadline: 'timeout',
  unavailable: 'timeout',
  circuitOpen: 'timeout',
  throttled: 'budget',
  banned: 'budget',
  badSymbol: 'delisted',
  badPayload: 'rejected',
  badRequest: 'rejected',
};

/** Closed candles over REST: exactly what is missing of each series, in one request that is repeated at most once. */
export class KlineSource implements CandleSource {
  readonly #options: KlineSourceOptions;

  constructor(options: KlineSourceOptions) {
    this.#options = options;
  }

  get name(): 'history' | 'rest' {
    return this.#options.name;
  }

  fill(wanted: readonly SeriesKey[], slot: Slot, signal: AbortSignal): Promise<readonly SeriesOutcome[]> {
    const { window } = this.#options;
    let secondAsks = Math.max(SECOND_ASK_LEAST, Math.ceil(wanted.length * SECOND_ASK_SHARE));
    const mayAskAgain = () => secondAsks-- > 0;
    return Promise.all(wanted.map((key) => window(() => this.#fillOne(key, slot, signal, mayAskAgain))));
  }

  async #fillOne(key: SeriesKey, slot: Slot, signal: AbortSignal, mayAskAgain: () => boolean): Promise<SeriesOutcome> {
    const { store, firstLook, name, onAnswered } = this.#options;
    const query = planSeries(key.symbol, key.timeframe, store.get(key), slot, firstLook);
    if (query === null) return { ...key, ...NOTHING_CAME };
    try {
      const outcome = await this.#ask(key, query, slot, signal, mayAskAgain);
      onAnswered?.(name, outcome);
      return outcome;
    } catch (error) {
      return { ...key, ...NOTHING_CAME, skip: skipOfFailure(error, signal) };
    }
  }

  /** A reply with bad rows, a hole, or without the newest candle is asked for once more: what the exchange repeats is what it has. */
  async #ask(
    key: SeriesKey,
    query: KlineQuery,
    slot: Slot,
    signal: AbortSignal,
    mayAskAgain: () => boolean,
  ): Promise<SeriesOutcome> {
    const { client, lane, name } = this.#options;
    const request = async (): Promise<Ingested> => {
      const reply = await client.klines(query, { lane, signal });
      return ingest(this.#seriesFor(key, query), reply, slot, name);
    };
    const first = await request();
    const whole = first.refused.size === 0 && first.complete;
    if (whole || !mayAskAgain()) return this.#take(key, first);
    const second = await request().catch((error: unknown) => skipOfFailure(error, signal));
    if (typeof second === 'string') return this.#keep(key, first, second);
    const outcome = this.#take(key, second);
    return {
      ...outcome,
      added: second.added + (second.series === first.series ? first.added : 0),
      revised: first.revised + second.revised,
      refused: sum(first.refused, second.refused),
      gap: outcome.gap === 'none' && first.refused.has('gap') ? 'repaired' : outcome.gap,
    };
  }

  #take(key: SeriesKey, { series, added, revised, refused, complete }: Ingested): SeriesOutcome {
    const { store } = this.#options;
    // Others may have brought it further meanwhile.
    const isNewest = (store.get(key)?.lastOpenTime ?? 0) <= (series.lastOpenTime ?? 0);
    if (series.length > 0 && isNewest) store.set(series);
    return {
      ...key,
      added,
      revised,
      refused,
      skip: complete ? null : skipOfIncomplete({ series, refused }),
      cutBy: refused.size === 0 ? null : hasDefects(refused) ? 'rejected' : 'gap',
      gap: refused.has('gap') ? 'unrepaired' : 'none',
    };
  }

  /** Asking again failed: what the first reply has changed of the candles held is changed, and told of. */
  #keep(key: SeriesKey, { series, added, revised, refused }: Ingested, skip: SkipReason): SeriesOutcome {
    const held = this.#options.store.get(key);
    if (held !== undefined) this.#options.store.set(held);
    return { ...key, ...NOTHING_CAME, added: held === series ? added : 0, revised, refused, skip };
  }

  /** A query without a start replaces whatever is held; one with a start goes on from it. */
  #seriesFor(key: SeriesKey, query: KlineQuery): Series {
    const held = query.startTime === undefined ? undefined : this.#options.store.get(key);
    return held ?? new Series(key.symbol, key.timeframe, this.#options.lookback);
  }
}

/** Throws what is neither a failure of the exchange nor the signal's doing. */
function skipOfFailure(error: unknown, signal: AbortSignal): SkipReason {
  if (error instanceof ExchangeError) return SKIP_REASON[error.kind];
  if (signal.aborted) return 'timeout';
  throw error;
}

function skipOfIncomplete({ series, refused }: Pick<Ingested, 'series' | 'refused'>): SkipReason {
  if (hasDefects(refused)) return 'rejected';
  return series.length === 0 ? 'warmup' : 'stale';
}

function hasDefects(refused: ReadonlyMap<Refusal, number>): boolean {
  return [...refused.keys()].some((reason) => reason !== 'gap');
}

function sum(a: ReadonlyMap<Refusal, number>, b: ReadonlyMap<Refusal, number>): ReadonlyMap<Refusal, number> {
  const total = new Map(a);
  for (const [reason, count] of b) total.set(reason, (total.get(reason) ?? 0) + count);
  return total;
}
