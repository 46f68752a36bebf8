import { afterEach, describe, expect, it } from 'vitest';
import { ExchangeError } from '../../../src/domain/errors.js';
import { isTimeframe, timeframeMs } from '../../../src/domain/timeframe.js';
import { seededRandom } from '../../../src/lib/random.js';
import { createBinanceClient } from '../../../src/pipeline/exchange/binance.js';
import type { ExchangeClient, KlineQuery } from '../../../src/pipeline/exchange/contract.js';
import { settled } from '../../support/fake-clock.js';
import { type HostileServer, httpReply, startHostileServer } from '../../support/hostile-server.js';
import { Market, Rig, TIMEFRAMES } from '../../support/live.js';
import { WitnessGovernor } from '../../support/live-outage.js';
import { Weather } from '../../support/live-weather.js';
import { MIDNIGHT, STEP_MS } from '../../support/stream-frames.js';

const MINUTE_MS = 60_000;
/** Cycles before, and 4 h of them during the maintenance. */
const BEFORE = 3;
const DOWN = 48;
const AFTER = 3;
const SYMBOLS = Array.from({ length: 24 }, (_, index) => `S${index}USDT`);

const INSTRUMENT = {
  symbol: 'S0USDT',
  baseAsset: 'S0',
  quoteAsset: 'USDT',
  marginAsset: 'USDT',
  contractType: 'PERPETUAL',
  status: 'TRADING',
  onboardDate: 0,
};
const MAINTENANCE = httpReply({ status: 503, body: '{"code":-1016,"msg":"Service is under maintenance."}' });

function queryOf(path: string): KlineQuery {
  const params = new URL(path, 'http://exchange').searchParams;
  const timeframe = params.get('interval') ?? '';
  if (!isTimeframe(timeframe)) throw new Error(`no timeframe in ${path}`);
  const number = (name: string) => (params.has(name) ? { [name]: Number(params.get(name)) } : {});
  return {
    symbol: params.get('symbol') ?? '',
    timeframe,
    limit: Number(params.get('limit')),
    ...number('startTime'),
    ...number('endTime'),
  };
}

/** The exchange: the real client talks HTTP to a server that is under maintenance while `isDown`; the stream is made up. */
class Exchange {
  readonly rig: Rig;
  readonly weather: Weather;
  /** When a request came, epoch ms. */
  readonly requests: number[] = [];
  readonly connects: number[] = [];
  readonly incomplete: number[] = [];
  #governor: WitnessGovernor | null = null;
  #client: ExchangeClient | null = null;
  #server: HostileServer | null = null;
  #isDown = false;

  constructor() {
    const market = new Market(SYMBOLS, BEFORE + DOWN + AFTER + 1);
    this.rig = new Rig({ market, settle: () => this.#governor?.quiet() ?? settled(), streamsPerConnection: 20 });
    this.weather = new Weather(this.rig, 1);
    this.rig.exchange.onConnect = (socket) => {
      this.connects.push(this.rig.clock.now());
      queueMicrotask(() => {
        socket.open();
        if (this.#isDown) socket.end({ reason: 'closed', detail: 'close 1001' });
      });
    };
  }

  async start(): Promise<void> {
    const { clock, market } = this.rig;
    this.#server = await startHostileServer(({ path, socket }) => {
      this.requests.push(clock.now());
      socket.write(this.#isDown ? MAINTENANCE : httpReply({ body: JSON.stringify(answer(market, path, clock.now())) }));
    });
    const random = seededRandom(3);
    this.#governor = new WitnessGovernor({ clock, random });
    const client = await createBinanceClient({
      restUrl: this.#server.url,
      requestTimeoutMs: 10_000,
      window: 16,
      governor: this.#governor,
      clock,
      random,
    });
    this.#client = client;
    this.rig.answer = (query, options) => client.klines(query, options);
  }

  async stop(): Promise<void> {
    await this.rig.live.stop();
    await this.#client?.close();
    await this.#governor?.stop();
    await this.#server?.close();
  }

  goDown(): void {
    this.#isDown = true;
    for (const socket of this.rig.exchange.live) socket.end({ reason: 'closed', detail: 'close 1001' });
  }

  comeBack(): void {
    this.#isDown = false;
  }

  /** The slot's cycle and what the daemon does beside it: the list of markets, the clock, the audit. */
  async cycle(slot: number): Promise<void> {
    const { rig } = this;
    await rig.clock.advance(slot - rig.clock.now());
    this.weather.candle(slot);
    const beside = [this.#client?.exchangeInfo({ lane: 'urgent' }), this.#client?.serverTime({ lane: 'urgent' })];
    const done = Promise.all([this.#acquireAndAudit(slot), ...beside.map((asked) => asked?.catch(passOver))]);
    await rig.clock.advance(2 * MINUTE_MS);
    await done;
  }

  async #acquireAndAudit(slot: number): Promise<void> {
    const { skipped } = await this.rig.cycle(slot);
    this.incomplete.push(skipped.length);
    await this.rig.live.audit(slot, new AbortController().signal);
  }
}

function answer(market: Market, path: string, now: number): unknown {
  if (path.startsWith('/fapi/v1/time')) return { serverTime: now };
  if (path.startsWith('/fapi/v1/exchangeInfo')) return { symbols: [INSTRUMENT] };
  const query = queryOf(path);
  return market.rows(query, now).map(wireRow(timeframeMs(query.timeframe)));
}

function wireRow(spanMs: number) {
  return ([openTime, ...values]: readonly number[]) => [
    openTime,
    ...values.map(String),
    (openTime as number) + spanMs - 1,
    '1',
    1,
    '1',
    '1',
    '0',
  ];
}

function passOver(error: unknown): void {
  if (!(error instanceof ExchangeError)) throw error;
}

function mostWithin(times: readonly number[], spanMs: number): number {
  return Math.max(0, ...times.map((from) => times.filter((time) => time >= from && time < from + spanMs).length));
}

let exchange: Exchange | undefined;
afterEach(() => exchange?.stop());

describe('X15: 4 h of maintenance', () => {
  it('X15: asks at most once a minute while all is 503 and 1001, and has all data by the second cycle after', async ({
    annotate,
  }) => {
    exchange = new Exchange();
    await exchange.start();
    const { rig, requests, connects, incomplete } = exchange;
    const slotAt = (step: number) => MIDNIGHT + step * STEP_MS;
    await exchange.cycle(MIDNIGHT);
    rig.live.start();
    for (let step = 1; step <= BEFORE; step++) await exchange.cycle(slotAt(step));
    expect(incomplete.slice(1)).toEqual([0, 0, 0]);

    exchange.goDown();
    const wentDown = rig.clock.now();
    for (let step = BEFORE + 1; step <= BEFORE + DOWN; step++) await exchange.cycle(slotAt(step));
    exchange.comeBack();
    const cameBack = rig.clock.now();
    // Epoch times with a fraction are exact to a quarter of a microsecond.
    expect(Math.round(cameBack - wentDown)).toBe(4 * 60 * MINUTE_MS);
    const during = requests.filter((time) => time >= wentDown && time < cameBack);
    // Each lane finds out once, when it first has something to ask for; from then on the breakers hold the rate.
    const later = during.filter((time) => time >= slotAt(BEFORE + 3));
    const foundOut = during.length - later.length;
    await annotate(`${foundOut} requests in the first two cycles, ${later.length} in the ${DOWN - 2} after them`);
    expect(during.length).toBeLessThanOrEqual(4 * 60);
    expect(mostWithin(later, 5 * MINUTE_MS)).toBeLessThanOrEqual(5);
    const attempts = connects.filter((time) => time >= wentDown && time < cameBack);
    await annotate(`${attempts.length} connections attempted`);
    expect(mostWithin(attempts, 5 * MINUTE_MS)).toBeLessThanOrEqual(30);
    expect(incomplete.slice(-DOWN).every((count) => count > 0)).toBe(true);

    const before = incomplete.length;
    for (let step = 1; step <= AFTER; step++) await exchange.cycle(slotAt(BEFORE + DOWN + step));
    await annotate(`incomplete in the cycles after: ${incomplete.slice(before).join(' ')}`);
    expect(incomplete.slice(before + 1)).toEqual([0, 0]);
    const lastSlot = slotAt(BEFORE + DOWN + AFTER);
    for (const symbol of SYMBOLS) {
      for (const timeframe of TIMEFRAMES) {
        const held = rig.held({ symbol, timeframe });
        expect(held).toEqual(held.map(([openTime]) => rig.market.row(symbol, timeframe, openTime)));
        expect(held.length).toBeGreaterThan(30);
      }
      // Without a hole over the whole of it.
      const base = rig.held({ symbol, timeframe: '5m' });
      expect(base.at(-1)?.[0]).toBe(lastSlot - STEP_MS);
      expect(base.length).toBe(1 + ((base.at(-1)?.[0] ?? 0) - (base[0]?.[0] ?? 0)) / STEP_MS);
      expect(base[0]?.[0]).toBeLessThan(wentDown);
    }
    expect(rig.errors).toEqual([]);
  });
});
