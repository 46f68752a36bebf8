import type { CandleRow } from '../../src/domain/candle.js';
import type { Slot } from '../../src/domain/slot.js';
import type { Timeframe } from '../../src/domain/timeframe.js';
import type { Clock } from '../../src/lib/clock.js';
import type { ExchangeClient, KlineQuery, Lane } from '../../src/pipeline/exchange/contract.js';
import type { SeriesKey } from '../../src/pipeline/source.js';
import type { OpenSocket } from '../../src/pipeline/stream/socket.js';

/** A klines query as the pipeline made it, whatever became of it. */
export interface Asked extends KlineQuery {
  readonly lane: Lane;
  readonly at: number;
}

/**
 * What reached the client, written down at its outermost seams by code that shares nothing with the pipeline: it says
 * where a candle can have come from.
 */
export class Witness {
  readonly asked: Asked[] = [];
  /** Rows by source; of the stream also those of forming candles. */
  readonly #rows = { stream: new Set<string>(), bulk: new Set<string>(), urgent: new Set<string>() };
  /** Arrival (epoch ms) of the first frame that called a base candle closed. */
  readonly #closedAt = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When the closing frame of the candle that ended at the slot came, or null. */
  closedAt(symbol: string, slot: Slot): number | null {
    return this.#closedAt.get(`${symbol} ${slot}`) ?? null;
  }

  /** Whether the exchange has shown this candle by that way. */
  saw(way: 'stream' | Lane, { symbol, timeframe }: SeriesKey, row: CandleRow): boolean {
    return this.#rows[way].has(rowText(symbol, timeframe, row));
  }

  tapSocket(open: OpenSocket, onMessage: () => void): OpenSocket {
    return (url, listener) =>
      open(url, {
        opened: () => listener.opened(),
        binary: () => listener.binary(),
        closed: (loss) => listener.closed(loss),
        message: (text) => {
          this.#read(text);
          onMessage();
          listener.message(text);
        },
      });
  }

  tapClient(client: Pick<ExchangeClient, 'klines'>): Pick<ExchangeClient, 'klines'> {
    return {
      klines: async (query, options) => {
        this.asked.push({ ...query, lane: options.lane, at: this.#clock.now() });
        const reply = await client.klines(query, options);
        for (const row of reply.rows) this.#rows[options.lane].add(rowText(query.symbol, query.timeframe, row));
        return reply;
      },
    };
  }

  #read(text: string): void {
    const { data } = JSON.parse(text) as { data?: { e: string; s: string; k: Record<string, string | number> } };
    if (data?.e !== 'kline') return;
    const { t, T, i, o, h, l, c, v, x } = data.k;
    const row = [t, o, h, l, c, v].map(Number) as unknown as CandleRow;
    this.#rows.stream.add(rowText(data.s, i as Timeframe, row));
    const key = `${data.s} ${Number(T) + 1}`;
    if (x as unknown as boolean) this.#closedAt.set(key, this.#closedAt.get(key) ?? this.#clock.now());
  }
}

function rowText(symbol: string, timeframe: Timeframe, row: CandleRow): string {
  return `${symbol} ${timeframe} ${row.join()}`;
}
