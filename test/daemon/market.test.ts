import { describe, expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { type MarketOptions, openMarket } from '../../src/daemon/market.js';
import { Settings } from '../../src/daemon/settings.js';
import { Releasers } from '../../src/lib/releasers.js';
import type { KlineQuery } from '../../src/pipeline/exchange/contract.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { temporaryDir } from '../support/cache.js';
import { FakeClock } from '../support/fake-clock.js';
import { silentLog } from '../support/silent-log.js';
import { deferred, SLOT, turns } from '../support/slots.js';
import { instrument, named } from '../support/universe.js';

/** A market of ten symbols that is not streamed, whose requests wait until `answer` is resolved. */
async function open() {
  const clock = new FakeClock(SLOT, turns);
  const releasers = new Releasers();
  onTestFinished(() => releasers.release());
  const common = [`dataDir=${temporaryDir()}`, 'timeframes=[5m]', 'stream.enabled=false'];
  const load = (...set: string[]) => loadConfig({ set: [...common, ...set] });
  const settings = new Settings(load('batch.symbols=4', 'batch.requestsInFlight=2', 'cycle.settle=2s'));
  const asked: KlineQuery[] = [];
  const answer = deferred();
  const options = {
    settings,
    config: settings.config,
    cacheName: 'sim',
    client: {
      klinesWeight: () => 1,
      klines: async (query: KlineQuery) => {
        asked.push(query);
        await answer.promise;
        return { rows: [], refused: {} };
      },
    },
    governor: new WeightGovernor({ clock, random: () => 0.5 }),
    universe: { instruments: named(10).map((symbol) => instrument(symbol)), excluded: [] },
    clock,
    exchangeClock: clock,
    random: () => 0.5,
    log: silentLog(),
    releasers,
    signal: new AbortController().signal,
    onAnswered: () => {},
    onRevision: () => {},
  } as unknown as MarketOptions;
  const market = await openMarket(options);
  const reconfigure = (...set: string[]) => {
    settings.use(load(...set));
    market.reconfigure(settings.config);
  };
  return { market, clock, asked, answer, reconfigure };
}

describe('Market', () => {
  it('cuts batches, and lets the slot settle, as the settings are when the cycle begins', async () => {
    const { market, clock, reconfigure } = await open();
    const cut = async () => {
      const sizes: number[] = [];
      const { signal } = new AbortController();
      const begun = clock.now();
      let waitedMs = 0;
      const cutting = (async () => {
        for await (const batch of market.batches(market.symbols(), begun, signal)) {
          if (sizes.length === 0) waitedMs = clock.now() - begun;
          sizes.push(batch.length);
        }
      })();
      await clock.advance(10_000);
      await cutting;
      return { sizes, waitedMs };
    };
    expect(await cut()).toEqual({ sizes: [4, 4, 2], waitedMs: 2_000 });
    reconfigure('batch.symbols=7', 'cycle.settle=5s');
    expect(await cut()).toEqual({ sizes: [7, 3], waitedMs: 5_000 });
  });

  it('has as many requests under way as the settings of the moment allow', async () => {
    const { market, asked, answer, reconfigure } = await open();
    const acquired = market.pipeline.acquire(market.symbols(), SLOT, new AbortController().signal);
    await turns();
    expect(asked).toHaveLength(2);
    reconfigure('batch.requestsInFlight=5');
    await turns();
    expect(asked).toHaveLength(5);
    answer.resolve();
    await acquired;
    expect(asked.length).toBeGreaterThanOrEqual(10);
  });
});
