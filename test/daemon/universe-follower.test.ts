import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import type { MarketOptions } from '../../src/daemon/market.js';
import { UniverseFollower } from '../../src/daemon/universe-follower.js';
import { FakeClock, settled } from '../support/fake-clock.js';
import { silentLog } from '../support/silent-log.js';
import { instrument, news } from '../support/universe.js';

const SYMBOLS = ['AUSDT', 'BUSDT', 'CUSDT'];

function build() {
  const clock = new FakeClock();
  const did: string[] = [];
  const options = {
    config: loadConfig({ set: ['timeframes=[5m, 1h]'] }).config,
    client: {
      exchangeInfo: async () => {
        did.push('list');
        return { instruments: SYMBOLS.map((symbol) => instrument(symbol)) };
      },
    },
    exchangeClock: clock,
    random: () => 0.5,
    log: silentLog(),
  } as unknown as MarketOptions;
  const universe = new UniverseFollower(options, {
    drop: (symbol, timeframe) => void did.push(`drop ${symbol} ${timeframe}`),
    load: async (keys) => {
      if (keys.length > 0) did.push(`load ${keys.map(({ symbol, timeframe }) => `${symbol} ${timeframe}`).join(', ')}`);
      return { loaded: 0, missing: keys.length };
    },
  });
  universe.keeper.start({ instruments: SYMBOLS.map((symbol) => instrument(symbol)), excluded: [] });
  const follow = () =>
    universe.follow({
      live: { setSymbols: (symbols) => void did.push(`stream ${[...symbols].join(' ')}`) },
      deepening: { forget: (symbol) => void did.push(`forget ${symbol}`) },
    });
  return { universe, did, follow };
}

describe('UniverseFollower', () => {
  it('has a symbol that is gone neither streamed nor deepened nor held', async () => {
    const { universe, did, follow } = build();
    follow();
    universe.keeper.noteContractInfo(news('BUSDT', 'SETTLING'));
    expect(did).toEqual(['stream AUSDT CUSDT', 'forget BUSDT', 'drop BUSDT 5m', 'drop BUSDT 1h']);
    await universe.keeper.stop();
  });

  it('follows another configuration as it follows a delisting and a listing, and reads no list for the same again', async () => {
    const { universe, did, follow } = build();
    follow();
    const reconfigured = async (...set: string[]) => {
      universe.reconfigure(loadConfig({ set }).config);
      await settled();
      return did.splice(0);
    };
    const gone = ['stream AUSDT CUSDT', 'forget BUSDT', 'drop BUSDT 5m', 'drop BUSDT 1h'];
    expect(await reconfigured('universe.exclude=[BUSDT]')).toEqual([...gone, 'list']);
    expect(await reconfigured('universe.exclude=[BUSDT]', 'universe.refreshEvery=1m')).toEqual([]);
    expect(await reconfigured()).toEqual(['list', 'load BUSDT 5m, BUSDT 1h', 'stream AUSDT CUSDT BUSDT']);
    await universe.keeper.stop();
  });

  it('takes in a change that comes while those who are to follow are being built', async () => {
    const { universe, did } = build();
    universe.keeper.noteContractInfo(news('BUSDT', 'SETTLING'));
    expect(did).toEqual(['drop BUSDT 5m', 'drop BUSDT 1h']);
    expect(universe.keeper.current().instruments.map(({ symbol }) => symbol)).toEqual(['AUSDT', 'CUSDT']);
    await universe.keeper.stop();
  });
});
