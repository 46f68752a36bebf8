import { join } from 'node:path';
import type { CacheBounds } from './cache/contract.js';
import { SegmentStore } from './cache/l2.js';
import { CandleCache } from './cache/tiers.js';
import type { FlushReport } from './cache/write-behind.js';
import type { Config } from './config/schema.js';
import type { Clock } from './lib/clock.js';
import type { Random } from './lib/random.js';
import type { Releasers } from './lib/releasers.js';
import { createBinanceClient } from './pipeline/exchange/binance.js';
import type { AdjustableClient, RequestLimits } from './pipeline/exchange/contract.js';
import { WeightGovernor } from './pipeline/exchange/governor.js';
import { type Hold, readHold, writeHold } from './pipeline/exchange/hold-file.js';
import type { OnRequest } from './pipeline/exchange/requester.js';

export interface FoundationOptions {
  readonly config: Config;
  /** Scheme and host of the exchange's REST API; null is the exchange's own. */
  readonly restUrl: string | null;
  /** Names whose candles these are: candles of one exchange are never served as another's. */
  readonly cacheName: string;
  readonly clock: Clock;
  readonly random: Random;
  /** The exchange refuses us until a time; `unsaved` says why the next start will not know. */
  readonly onGateClosed?: (hold: Hold, unsaved: Error | null) => void;
  readonly onRequest?: OnRequest;
}

/** The governor of this address's budget; what closed its gate in an earlier run still does. */
export function openGovernor(options: FoundationOptions, releasers: Releasers): WeightGovernor {
  const { config, restUrl, clock, random, onGateClosed } = options;
  const file = join(config.dataDir, 'exchange-hold.json');
  const exchange = restUrl ?? config.exchange.id;
  const governor = new WeightGovernor({
    clock,
    random,
    share: config.exchange.weightShare,
    closedUntil: readHold(file, exchange) ?? 0,
    onClosed: (until, reason) => {
      const hold = { exchange, until, reason };
      onGateClosed?.(hold, writeHold(file, hold));
    },
  });
  releasers.push(() => governor.stop());
  return governor;
}

export async function openClient(
  options: FoundationOptions,
  governor: WeightGovernor,
  releasers: Releasers,
): Promise<AdjustableClient> {
  const { config, restUrl, clock, random, onRequest } = options;
  const client = await createBinanceClient({
    ...(restUrl !== null && { restUrl }),
    ...(onRequest !== undefined && { onRequest }),
    ...requestLimits(config),
    governor,
    clock,
    random,
  });
  releasers.push(() => client.close());
  return client;
}

/** What is on disk; `clock` tells the exchange's time. Whoever uses it closes it. */
export function openDisk({ cache }: Config, clock: Clock): Promise<SegmentStore> {
  return SegmentStore.open({ dir: cache.l2Dir, maxBytes: cache.l2MaxSizeBytes, clock });
}

/** `clock` tells the exchange's time. When it is released, what changed is written to `store`, and that is closed. */
export function openCache(
  { config, cacheName }: Pick<FoundationOptions, 'config' | 'cacheName'>,
  store: SegmentStore,
  clock: Clock,
  releasers: Releasers,
  onFlush?: (report: FlushReport) => void,
): CandleCache {
  const { l1MaxBytes, flushEveryMs } = cacheBounds(config);
  const cache = new CandleCache({
    exchange: cacheName,
    lookback: config.candles.lookback,
    base: config.timeframes[0],
    l1MaxBytes,
    store,
    flushEveryMs,
    clock,
    ...(onFlush !== undefined && { onFlush }),
  });
  releasers.push(() => cache.stop());
  return cache;
}

export function requestLimits({ exchange, batch }: Config): RequestLimits {
  return { requestTimeoutMs: exchange.requestTimeoutMs, window: batch.requestsInFlight };
}

export function cacheBounds({ cache }: Config): CacheBounds {
  return { l1MaxBytes: cache.l1MaxSizeBytes, l2MaxBytes: cache.l2MaxSizeBytes, flushEveryMs: cache.flushEveryMs };
}
