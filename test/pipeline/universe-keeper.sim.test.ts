import pLimit from 'p-limit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { slotAt } from '../../src/domain/slot.js';
import { seededRandom } from '../../src/lib/random.js';
import { Releasers } from '../../src/lib/releasers.js';
import { createBinanceClient } from '../../src/pipeline/exchange/binance.js';
import type { ExchangeClient } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { HistorySource } from '../../src/pipeline/history/history-source.js';
import { MemoryStore } from '../../src/pipeline/store.js';
import { createStreamSource } from '../../src/pipeline/stream/stream-source.js';
import { selectUniverse } from '../../src/pipeline/universe.js';
import type { UniverseChange } from '../../src/pipeline/universe-change.js';
import { UniverseKeeper } from '../../src/pipeline/universe-keeper.js';
import type { Listing, Market } from '../../src/sim/market/market.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { NOW, startTestSim, type TestSim } from '../support/sim.js';
import { until } from '../support/stream-server.js';
import { FILTERS } from '../support/universe.js';

const PERIOD = 600_000;
const HOSTILE = ['🚀USDT', '../../etc/passwd', '<img src=x onerror=alert(1)>'];
const NEVER = new AbortController().signal;

let releasers: Releasers;
let sim: TestSim;
let client: ExchangeClient;
let keeper: UniverseKeeper;
let changes: UniverseChange[];
let errors: unknown[];
/** Lists that were asked for and have not been answered yet. */
let pending: number;
/** Trading perpetuals in USDT, the last ten of which the exchange does not list yet. */
let symbols: string[];

const scanned = () => keeper.current().instruments.map(({ symbol }) => symbol);
const announce = (some: readonly string[], status: string | null) => {
  for (const symbol of some) sim.setStatus(symbol, status);
};

/** Lets time pass, a second at a time, and waits for the replies to what was asked meanwhile. */
async function pass(ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
    await sim.clock.advance(1_000);
    await until(() => pending === 0);
  }
}

function alsoListing(market: Market, listings: readonly Listing[]): Market {
  return {
    listings: [...listings, ...market.listings],
    find: (symbol) => market.find(symbol),
    page: (...query) => market.page(...query),
    kline: (...query) => market.kline(...query),
    span: (...query) => market.span(...query),
  };
}

beforeEach(async () => {
  releasers = new Releasers();
  const market = seededMarket({ symbols: 70, seed: 7, now: NOW });
  const [first] = market.listings as [Listing];
  const hostile = HOSTILE.map((symbol): Listing => ({ ...first, symbol }));
  sim = await startTestSim({ market: alsoListing(market, hostile) });
  releasers.push(() => sim.stop());
  const { clock } = sim;
  const random = seededRandom(5);
  const governor = new WeightGovernor({ clock, random });
  releasers.push(() => governor.stop());
  const { restUrl } = sim;
  client = await createBinanceClient({ restUrl, requestTimeoutMs: 10_000, window: 8, governor, clock, random });
  releasers.push(() => client.close());
  symbols = market.listings
    .filter((row) => row.status === 'TRADING' && row.contractType === 'PERPETUAL' && row.quoteAsset === 'USDT')
    .map(({ symbol }) => symbol);
  announce(symbols.slice(60), null);
  changes = [];
  errors = [];
  pending = 0;
  keeper = new UniverseKeeper({
    client: {
      exchangeInfo: (request) => {
        pending += 1;
        return client.exchangeInfo(request).finally(() => {
          pending -= 1;
        });
      },
      quoteVolumes: (request) => client.quoteVolumes(request),
    },
    exchangeNow: () => governor.exchangeNow(),
    filters: FILTERS,
    refreshEveryMs: PERIOD,
    clock,
    random,
    listener: { onChange: (change) => changes.push(change), onError: (error) => errors.push(error) },
  });
  releasers.push(() => keeper.stop());
  const { instruments } = await client.exchangeInfo({ lane: 'urgent' });
  expect(instruments.map(({ symbol }) => symbol)).toEqual(expect.arrayContaining(HOSTILE));
  keeper.start(selectUniverse(instruments, FILTERS, NOW));
  expect(scanned()).toEqual(symbols.slice(0, 60));
});

afterEach(async () => {
  await releasers.release();
  expect(errors).toEqual([]);
  expect(sim.clock.pendingTimers).toBe(0);
});

describe('the universe on the embedded exchange', () => {
  it('X14: 20 symbols that vanish are out and 10 new ones in with one refresh, 10 minutes later at most', async () => {
    announce(symbols.slice(0, 20), null);
    announce(symbols.slice(60), 'TRADING');
    await pass(PERIOD);
    expect(scanned()).toEqual(symbols.slice(20));
    expect(keeper.stats()).toMatchObject({ refreshes: 1, failures: 0, doubted: 0, added: 10, removed: 20 });
    expect(changes).toHaveLength(1);
  });

  it('X14: replies take vanished symbols out at once, and nothing asks for them a second time', async () => {
    const store = new MemoryStore();
    const history = new HistorySource({ client, store, window: pLimit(8), lookback: 300, firstLook: 30 });
    const cycle = async () => {
      const wanted = scanned().map((symbol) => ({ symbol, timeframe: '5m' as const }));
      const outcomes = await history.fill(wanted, slotAt(NOW, '5m'), NEVER);
      for (const { symbol, skip } of outcomes) if (skip === 'delisted') keeper.noteBadSymbol(symbol);
      return outcomes.filter(({ skip }) => skip !== null).map(({ symbol, skip }) => [symbol, skip]);
    };
    const gone = symbols.slice(0, 20);
    announce(gone, null);
    expect(await cycle()).toEqual(gone.map((symbol) => [symbol, 'delisted']));
    expect(scanned()).toEqual(symbols.slice(20, 60));
    const { retried, total } = client.stats();
    expect({ retried, total }).toEqual({ retried: 0, total: 61 });
    expect(await cycle()).toEqual([]);
    expect(client.stats().total).toBe(61);
    await pass(PERIOD / 2);
    expect(scanned()).toEqual(symbols.slice(20, 60));
    expect(keeper.stats()).toMatchObject({ refreshes: 1, removed: 20, added: 0 });
  });

  it('X14: announcements on the stream take symbols out at once and bring new ones in within seconds', async () => {
    const { clock, streamUrl } = sim;
    const source = createStreamSource({
      url: streamUrl,
      symbols: scanned(),
      timeframe: '5m',
      streamsPerConnection: 200,
      clock,
      random: seededRandom(9),
      handlers: {
        onClosed: () => {},
        onForming: () => {},
        onRevised: () => {},
        onResumed: () => {},
        onContractInfo: (info) => keeper.noteContractInfo(info),
        onNotice: () => {},
      },
    });
    releasers.push(() => source.stop());
    source.start();
    while (source.stats().streams.confirmed === 0) {
      await clock.advance(200);
      await until(() => source.stats().connections.open === 1);
    }
    announce(symbols.slice(0, 20), 'SETTLING');
    await until(() => changes.length === 20);
    expect(scanned()).toEqual(symbols.slice(20, 60));
    expect(changes[0]?.removed).toEqual([{ symbol: symbols[0], reason: 'status', found: 'SETTLING' }]);
    expect(keeper.stats().refreshes).toBe(0);
    announce(symbols.slice(60), 'TRADING');
    await pass(8_000);
    await until(() => keeper.stats().refreshes === 1);
    expect(scanned()).toEqual(symbols.slice(20));
  });
});
