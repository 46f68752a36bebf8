import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fetchRaw } from '../../support/sim.js';
import { type StreamRig, startRig } from '../../support/sim-stream.js';

let rig: StreamRig;
let symbol: string;
beforeEach(async () => {
  rig = await startRig();
  symbol = rig.sim.market.listings.find(({ status }) => status === 'TRADING')?.symbol ?? '';
});
afterEach(() => rig.stop());

async function statusInExchangeInfo(): Promise<string | undefined> {
  const info = (await rig.sim.get('/fapi/v1/exchangeInfo')).json as { symbols: { symbol: string; status: string }[] };
  return info.symbols.find((row) => row.symbol === symbol)?.status;
}

const post = (body: unknown) =>
  fetchRaw(`${rig.sim.restUrl}/sim/listings`, { method: 'POST', body: JSON.stringify(body) });

describe('listings that change while the exchange runs', () => {
  it('are announced on !contractInfo as recorded ones are', async () => {
    const client = await rig.open('/market/stream?streams=!contractInfo');
    const listing = rig.sim.market.find(symbol);
    rig.sim.setStatus(symbol, 'SETTLING');
    await client.sync();
    expect(client.messages).toEqual([
      {
        stream: '!contractInfo',
        data: {
          e: 'contractInfo',
          E: rig.clock.now(),
          s: symbol,
          ps: listing?.pair,
          ct: 'PERPETUAL',
          dt: listing?.deliveryDate,
          ot: listing?.onboardDate,
          cs: 'SETTLING',
          bks: [],
          st: 1,
        },
      },
    ]);
  });

  it('are not announced to who unsubscribed', async () => {
    const client = await rig.open('/market/ws/!contractInfo');
    await client.ask({ method: 'UNSUBSCRIBE', params: ['!contractInfo'], id: 1 });
    rig.sim.setStatus(symbol, 'SETTLING');
    await client.sync();
    expect(client.texts.length).toBe(1);
  });

  it('are the same to REST', async () => {
    expect(await statusInExchangeInfo()).toBe('TRADING');
    rig.sim.setStatus(symbol, 'SETTLING');
    expect(await statusInExchangeInfo()).toBe('SETTLING');
    rig.sim.setStatus(symbol, null);
    expect(await statusInExchangeInfo()).toBeUndefined();
    expect((await rig.sim.get(`/fapi/v1/klines?symbol=${symbol}&interval=5m`)).json).toMatchObject({ code: -1121 });
    rig.sim.setStatus(symbol, 'TRADING');
    expect(await statusInExchangeInfo()).toBe('TRADING');
  });

  it('silence a kline stream until the symbol trades again', async () => {
    const client = await rig.open(`/market/ws/${symbol.toLowerCase()}@kline_1m`);
    const during = async (ms: number) => {
      const before = client.klines.length;
      await rig.clock.advance(ms);
      await client.sync();
      return client.klines.slice(before);
    };
    expect((await during(10_000)).length).toBeGreaterThan(0);
    rig.sim.setStatus(symbol, 'SETTLING');
    expect(await during(180_000)).toEqual([]);
    rig.sim.setStatus(symbol, null);
    expect(await during(60_000)).toEqual([]);
    rig.sim.setStatus(symbol, 'TRADING');
    const resumed = await during(10_000);
    expect(resumed.length).toBeGreaterThan(0);
    expect(resumed.every(({ k, E }) => k.T >= E - 2_000)).toBe(true);
  });

  it('give a listing to come the contract type that it trades with', async () => {
    const coming = rig.sim.market.listings.find(({ status }) => status === 'PENDING_TRADING');
    expect(coming?.contractType).toBe('');
    symbol = coming?.symbol ?? '';
    const client = await rig.open('/market/ws/!contractInfo');
    rig.sim.setStatus(symbol, 'TRADING');
    await client.sync();
    expect(client.messages).toMatchObject([{ s: symbol, ct: 'PERPETUAL', cs: 'TRADING' }]);
  });

  it('change through the control endpoint', async () => {
    expect((await post({ symbol, status: 'SETTLING' })).status).toBe(200);
    expect(await statusInExchangeInfo()).toBe('SETTLING');
    expect((await post({ symbol, status: null })).status).toBe(200);
    expect(await statusInExchangeInfo()).toBeUndefined();
  });

  it('refuse what cannot be listed', async () => {
    const unknown = await post({ symbol: 'NOSUCHUSDT', status: 'TRADING' });
    expect([unknown.status, unknown.json]).toEqual([
      400,
      { error: 'symbol: found NOSUCHUSDT, allowed are the symbols of the market' },
    ]);
    expect((await post({ symbol })).json).toEqual({
      error: `listing: allowed is {"symbol","status"}, found {"symbol":"${symbol}"}`,
    });
  });
});
