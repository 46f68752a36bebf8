import { onTestFinished } from 'vitest';
import { ExchangeError, type ExchangeErrorKind } from '../../src/domain/errors.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import { createBinanceClient } from '../../src/pipeline/exchange/binance.js';
import type { AdjustableClient, ExchangeClient, KlineQuery } from '../../src/pipeline/exchange/contract.js';
import { type GovernorOptions, WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import type { RequestEvent } from '../../src/pipeline/exchange/requester.js';
import { type HostileRequest, type HostileServer, startHostileServer } from './hostile-server.js';

export interface Rig {
  readonly server: HostileServer;
  readonly client: AdjustableClient;
  readonly governor: WeightGovernor;
  readonly events: RequestEvent[];
  /** Three 5m candles of one symbol. */
  klines(query?: Partial<KlineQuery>, signal?: AbortSignal): ReturnType<ExchangeClient['klines']>;
  /** The kind of the error that the request fails with. */
  kindOf(request: Promise<unknown>): Promise<ExchangeErrorKind>;
}

export interface RigOptions {
  readonly clock?: Clock;
  readonly requestTimeoutMs?: number;
  readonly window?: number;
  readonly governor?: Partial<GovernorOptions>;
}

/** A client and the hostile server that it talks to, both closed when the test ends. */
export async function startRig(script: (request: HostileRequest) => void, options: RigOptions = {}): Promise<Rig> {
  const { clock = systemClock, requestTimeoutMs = 5_000, window = 64 } = options;
  const server = await startHostileServer(script);
  const random = seededRandom(7);
  const governor = new WeightGovernor({ clock, random, weightLimit: 2400, ...options.governor });
  // The border of a minute is not what these tests are about.
  governor.setExchangeTime(Date.UTC(2026, 0, 1, 0, 0, 10), 0);
  const events: RequestEvent[] = [];
  const client = await createBinanceClient({
    restUrl: server.url,
    requestTimeoutMs,
    window,
    governor,
    clock,
    random,
    onRequest: (event) => events.push(event),
  });
  onTestFinished(async () => {
    await client.close();
    await governor.stop();
    await server.close();
  });
  return {
    server,
    client,
    governor,
    events,
    klines: (query = {}, signal) =>
      client.klines(
        { symbol: 'BTCUSDT', timeframe: '5m', limit: 3, ...query },
        { lane: 'bulk', ...(signal !== undefined && { signal }) },
      ),
    kindOf: async (request) => {
      try {
        await request;
      } catch (error) {
        if (error instanceof ExchangeError) return error.kind;
        throw error;
      }
      throw new Error('the request succeeded');
    },
  };
}
