import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { ExchangeError } from '../domain/errors.js';
import { abortable } from '../lib/abort.js';
import type { Clock } from '../lib/clock.js';
import type { Random } from '../lib/random.js';
import { createBinanceClient } from '../pipeline/exchange/binance.js';
import { WeightGovernor } from '../pipeline/exchange/governor.js';
import { readHold } from '../pipeline/exchange/hold-file.js';
import { BINANCE_STREAM_URL, createStreamSource } from '../pipeline/stream/stream-source.js';
import { loadUniverse } from '../scheduler/prepare.js';
import type { ExchangeFacts } from './contract.js';
import { BINANCE_REST } from './exchange-checks.js';

export interface ExchangeAddresses {
  /** Scheme and host; null is the exchange's own. */
  readonly restUrl: string | null;
  readonly streamUrl: string | null;
}

export interface ExchangeProbeOptions extends ExchangeAddresses {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
}

/** Retries included; a person waits. */
const DEADLINE_MS = 15_000;

/**
 * Asks for the time, the markets and, when the filters need them, the volumes: weight 2 to 43. While the exchange refuses
 * our address nothing is sent. Rejects with an `ExchangeError`.
 */
export async function probeExchange(options: ExchangeProbeOptions): Promise<ExchangeFacts> {
  const { config, restUrl, clock, random } = options;
  const hold = readHold(join(config.dataDir, 'exchange-hold.json'), restUrl ?? config.exchange.id);
  // A few requests by hand may use any share of the budget; what the configured share allows is judged elsewhere.
  const governor = new WeightGovernor({ clock, random, share: 1, closedUntil: hold ?? 0 });
  if (governor.closedForMs > 0) {
    const until = new Date(governor.closedUntil ?? 0).toISOString();
    throw new ExchangeError('banned', `refuses requests from this address until ${until}; nothing was sent`);
  }
  const { requestTimeoutMs } = config.exchange;
  const client = await createBinanceClient({
    ...(restUrl !== null && { restUrl }),
    requestTimeoutMs,
    window: 2,
    governor,
    clock,
    random,
  });
  const ask = async () => {
    const { roundTripMs } = await client.serverTime({ lane: 'urgent' });
    const filters = config.universe;
    const { universe, skewMs } = await loadUniverse(client, governor, { filters, clock, mayTrustDate: true });
    const symbols = universe.instruments.map(({ symbol }) => symbol);
    const listed = symbols.length + universe.excluded.length;
    return { url: restUrl ?? BINANCE_REST, roundTripMs, skewMs, weightLimit: governor.weightLimit, listed, symbols };
  };
  const deadline = new AbortController();
  const cancel = clock.setTimer(DEADLINE_MS, () => {
    deadline.abort(new ExchangeError('deadline', `no complete answer within ${DEADLINE_MS / 1000} s`));
  });
  try {
    return await abortable(ask(), deadline.signal);
  } finally {
    cancel();
    await client.close();
    await governor.stop();
  }
}

/** Any of the liquid ones trades within a second; many are asked for, since which these are is not known. */
const SYMBOLS = 50;
const STREAM_DEADLINE_MS = 6_000;

/** Resolves with the time until the first candle; rejects with what came instead of data. */
export function probeStream(
  { config, streamUrl, clock, random }: ExchangeProbeOptions,
  symbols: readonly string[],
): Promise<{ readonly url: string; readonly firstFrameMs: number }> {
  const url = streamUrl ?? BINANCE_STREAM_URL;
  const startedMs = clock.monotonic();
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      cancel();
      void source.stop().then(settle);
    };
    const arrived = () => end(() => resolve({ url, firstFrameMs: clock.monotonic() - startedMs }));
    const failed = (what: string) => end(() => reject(new Error(`${url}: ${what}`)));
    const cancel = clock.setTimer(STREAM_DEADLINE_MS, () =>
      failed(`connected, and no data within ${STREAM_DEADLINE_MS / 1000} s`),
    );
    const source = createStreamSource({
      url,
      symbols: symbols.slice(0, SYMBOLS),
      timeframe: config.timeframes[0],
      streamsPerConnection: SYMBOLS,
      clock,
      random,
      formingEveryMs: 0,
      handlers: {
        onForming: arrived,
        onClosed: arrived,
        onRevised: arrived,
        onResumed: () => undefined,
        onContractInfo: () => undefined,
        onNotice: (notice) => {
          if (notice.kind === 'lost') failed(notice.detail);
          else if (notice.kind === 'refused') failed(notice.message);
        },
      },
    });
    source.start();
  });
}
