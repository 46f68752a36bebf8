import type { CandleRow } from '../../domain/candle.js';
import { ExchangeError } from '../../domain/errors.js';
import { lastClosedOpenTime, type Slot } from '../../domain/slot.js';
import { floorToTimeframe, timeframeMs } from '../../domain/timeframe.js';
import type { Random } from '../../lib/random.js';
import type { ExchangeClient } from '../exchange/contract.js';
import type { SeriesKey, SeriesStore } from '../source.js';
import type { LiveCounts } from './counts.js';
import type { Derivation } from './derivation.js';
import { rowAt } from './row-at.js';

/** A derived candle that the exchange has otherwise. */
export interface Mismatch extends SeriesKey {
  readonly derived: CandleRow;
  readonly exchange: CandleRow;
}

export interface DerivedAuditOptions {
  readonly store: SeriesStore;
  readonly client: Pick<ExchangeClient, 'klines'>;
  readonly derivation: Derivation;
  readonly random: Random;
  readonly counts: LiveCounts;
  /** Candles compared per slot. */
  readonly sample: number;
  readonly onMismatch: (mismatch: Mismatch) => void;
}

/** The candle that closed and the one before, which the exchange may have corrected since. */
const ROWS = 2;

/** Compares a few derived candles of every slot with the exchange's own, which replace them where they differ. */
export class DerivedAudit {
  readonly #options: DerivedAuditOptions;

  constructor(options: DerivedAuditOptions) {
    this.#options = options;
  }

  /** Rejects only for what is no failure of the exchange; a comparison that could not be made is counted. */
  async run(slot: Slot, symbols: Iterable<string>, signal: AbortSignal): Promise<void> {
    const sample = this.#sample([...symbols].flatMap((symbol) => this.#derivedAt(symbol, slot)));
    await Promise.all(sample.map((key) => this.#compare(key, slot, signal)));
  }

  #derivedAt(symbol: string, slot: Slot): SeriesKey[] {
    const { store, derivation } = this.#options;
    return derivation.longer
      .filter((timeframe) => floorToTimeframe(slot, timeframe) === slot)
      .map((timeframe) => ({ symbol, timeframe }))
      .filter((key) => {
        const series = store.get(key);
        return series !== undefined && rowAt(series, lastClosedOpenTime(slot, key.timeframe))?.source === 'derived';
      });
  }

  /** The first steps of a Fisher-Yates shuffle. */
  #sample(keys: SeriesKey[]): SeriesKey[] {
    const { random, sample } = this.#options;
    const count = Math.min(sample, keys.length);
    for (let index = 0; index < count; index++) {
      const other = index + Math.floor(random() * (keys.length - index));
      [keys[index], keys[other]] = [keys[other] as SeriesKey, keys[index] as SeriesKey];
    }
    return keys.slice(0, count);
  }

  async #compare(key: SeriesKey, slot: Slot, signal: AbortSignal): Promise<void> {
    const { client, counts } = this.#options;
    try {
      const reply = await client.klines({ ...key, limit: ROWS, endTime: slot - 1 }, { lane: 'bulk', signal });
      for (const row of reply.rows) this.#judge(key, row);
    } catch (error) {
      if (!(error instanceof ExchangeError) && !signal.aborted) throw error;
      counts.auditFailed += 1;
    }
  }

  #judge(key: SeriesKey, row: CandleRow): void {
    const { store, counts, onMismatch } = this.#options;
    const series = store.get(key);
    const held = series === undefined ? null : rowAt(series, row[0]);
    if (series === undefined || held?.source !== 'derived') return;
    const verdict = series.revise(row, 'rest', row[0] + timeframeMs(key.timeframe));
    if (verdict !== 'unchanged' && verdict !== 'revised') return;
    counts.audited += 1;
    if (verdict === 'unchanged') return;
    counts.mismatches += 1;
    store.set(series);
    onMismatch({ ...key, derived: held.row, exchange: row });
  }
}
