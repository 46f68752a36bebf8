import { request } from 'undici';
import type { Config } from '../../config/schema.js';
import { ExchangeError } from '../../domain/errors.js';
import { slotAt } from '../../domain/slot.js';
import { type Clock, sleep } from '../../lib/clock.js';
import { parseExchangeInfo } from '../../pipeline/exchange/wire.js';
import { planSeries } from '../../pipeline/plan.js';
import { selectUniverse } from '../../pipeline/universe.js';

/** What every contestant of a benchmark asks the exchange for. */
export interface BenchMarket {
  /** Unified symbols, for ccxt. */
  readonly unified: readonly string[];
  /** The klines requests of a cold scan. */
  readonly paths: readonly string[];
  /** Weight units a minute that the exchange allows. */
  readonly weightLimit: number;
}

/** Chooses the same symbols and the same requests as a cold scan of this configuration would. */
export async function benchMarket(restUrl: string, config: Config, clock: Clock): Promise<BenchMarket> {
  const { body } = await request(`${restUrl}/fapi/v1/exchangeInfo`).catch((cause: unknown) => {
    throw new ExchangeError('unreachable', `${restUrl} does not answer`, { cause });
  });
  const { instruments, weightLimit } = parseExchangeInfo(await body.json());
  const universe = selectUniverse(instruments, { ...config.universe, maxSymbols: null }, clock.now());
  const chosen = universe.instruments.slice(0, config.universe.maxSymbols ?? universe.instruments.length);
  const slot = slotAt(clock.now(), config.timeframes[0]);
  const paths = chosen.flatMap(({ symbol }) =>
    config.timeframes.map((timeframe) => {
      const query = planSeries(symbol, timeframe, undefined, slot, config.candles.firstLook);
      return `/fapi/v1/klines?symbol=${encodeURIComponent(symbol)}&interval=${timeframe}&limit=${query?.limit}&endTime=${query?.endTime}`;
    }),
  );
  return { unified: chosen.map(({ unified }) => unified), paths, weightLimit: weightLimit ?? 2400 };
}

/**
 * Waits until `weight` fits into the exchange's minute and the newest candles have settled, so that a run measures
 * work and not waiting.
 */
export async function quietMoment(
  restUrl: string,
  config: Config,
  weight: number,
  weightLimit: number,
  clock: Clock,
): Promise<void> {
  const { headers, body } = await request(`${restUrl}/fapi/v1/ping`);
  await body.dump();
  const used = Number(headers['x-mbx-used-weight-1m'] ?? 0);
  if (used + weight > weightLimit * config.exchange.weightShare) await sleep(clock, 61_000 - (clock.now() % 60_000));
  const sinceSlot = clock.now() - slotAt(clock.now(), config.timeframes[0]);
  if (sinceSlot < config.cycle.settleMs) await sleep(clock, config.cycle.settleMs - sinceSlot + 100);
}
