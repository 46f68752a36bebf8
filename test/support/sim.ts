import { type ClientRequest, type IncomingHttpHeaders, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '../../src/lib/random.js';
import type { Interval } from '../../src/sim/market/interval.js';
import type { Market } from '../../src/sim/market/market.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, type SimOptions, startSim } from '../../src/sim/server.js';
import { FakeClock } from './fake-clock.js';

/** A Wednesday, 14:23:37.512: no candle of any interval opens or closes here. */
export const NOW = Date.UTC(2026, 2, 18, 14, 23, 37, 512);

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As it came over the wire. */
  readonly bytes: Buffer;
  readonly text: string;
  /** The parsed body. */
  readonly json: unknown;
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** One request without any help: no retry, no shared connection, no redirect. Rejects when the reply does not end. */
export function fetchRaw(url: string, options: RawRequest = {}): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    const sent = openRaw(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const gzip = response.headers['content-encoding'] === 'gzip';
        resolve(rawReply(response.statusCode ?? 0, response.headers, bytes, gzip));
      });
    });
    sent.on('error', reject);
  });
}

function rawReply(status: number, headers: IncomingHttpHeaders, bytes: Buffer, gzip: boolean): RawReply {
  const text = () => (gzip ? gunzipSync(bytes) : bytes).toString();
  return {
    status,
    headers,
    bytes,
    get text() {
      return text();
    },
    get json() {
      return JSON.parse(text()) as unknown;
    },
  };
}

/** A request whose reply the caller reads. */
export function openRaw(
  url: string,
  options: RawRequest,
  onResponse: Parameters<typeof request>[2] & object,
): ClientRequest {
  const { method = 'GET', headers = {}, body } = options;
  const sent = request(url, { method, headers, agent: false, maxHeaderSize: 2 ** 25 }, onResponse);
  sent.end(body);
  return sent;
}

export interface TestSim extends Sim {
  readonly clock: FakeClock;
  readonly market: Market;
  get(path: string, headers?: Record<string, string>): Promise<RawReply>;
}

/** A simulator of 20 symbols on a clock that stands at `NOW`. */
export async function startTestSim(options: Partial<SimOptions> = {}): Promise<TestSim> {
  const clock = new FakeClock(NOW);
  const market = options.market ?? seededMarket({ symbols: 20, seed: 7, now: NOW });
  const sim = await startSim({ clock, random: seededRandom(1), ...options, market });
  return {
    ...sim,
    clock,
    market,
    get: (path, headers = {}) => fetchRaw(sim.restUrl + path, { headers }),
  };
}

/** A kline row as it is on the wire. */
export type WireRow = [number, string, string, string, string, string, number, string, number, string, string, string];

/** The newest `count` closed candles at `now`. */
export function closedRows(market: Market, symbol: string, interval: Interval, count: number, now: number): WireRow[] {
  const listing = market.find(symbol);
  if (listing === undefined) throw new Error(`${symbol} is not listed`);
  const page = market.page(listing, interval, { limit: count + 1 }, now);
  const text = page.closedKey === null ? '' : Buffer.from(page.closedRows()).toString();
  return (JSON.parse(`[${text}]`) as WireRow[]).slice(-count);
}
