import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConfigError } from '../../src/domain/errors.js';
import type { ServerPorts, SignalFilter } from '../../src/server/ports.js';
import { FakeClock } from '../support/fake-clock.js';
import {
  CHINESE,
  CYCLE,
  candleItem,
  openTestServer,
  signalItem,
  type TestServer,
  type TestServerOptions,
} from '../support/server.js';

let server: TestServer | undefined;
afterEach(() => server?.close());

async function open(options: TestServerOptions = {}): Promise<TestServer> {
  server = await openTestServer(options);
  return server;
}

const TOKEN = 'correct-horse';
const BEARER = { Authorization: `Bearer ${TOKEN}` };

describe('probes', () => {
  it('/healthz says that the process lives, since when and which version', async () => {
    const clock = new FakeClock();
    const { get } = await open({ clock });
    await clock.advance(90_500);
    const reply = await get('/healthz');
    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({ status: 'ok', uptimeSeconds: 90.5, version: '1.2.3' });
  });

  it('/readyz is 200 when nothing speaks against it, and 503 with the reasons otherwise', async () => {
    const unready = vi.fn<ServerPorts['unready']>(() => []);
    const degraded = vi.fn<ServerPorts['degraded']>(() => []);
    const { get } = await open({ ports: { unready, degraded } });
    const ready = await get('/readyz');
    expect([ready.status, ready.json()]).toEqual([200, { ready: true, degraded: [], memoryPressure: 0 }]);
    degraded.mockReturnValue([{ reason: 'stream', detail: 'it is mute' }]);
    expect((await get('/readyz')).json()).toMatchObject({
      ready: true,
      degraded: [{ reason: 'stream', detail: 'it is mute' }],
    });

    const reasons = [{ reason: 'noCycle', detail: 'no cycle completed for 11 minutes' }];
    unready.mockReturnValue(reasons);
    const unfit = await get('/readyz');
    expect(unfit.status).toBe(503);
    expect(unfit.headers.get('content-type')).toBe('application/problem+json');
    expect(unfit.json()).toMatchObject({
      status: 503,
      detail: 'not ready: noCycle',
      ready: false,
      reasons,
      memoryPressure: 0,
    });
  });

  it('/metrics passes on what the registry writes, in its own content type', async () => {
    const { get } = await open();
    const reply = await get('/metrics');
    expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(reply.body).toBe('candlescan_symbols 2\n');
  });

  it('/metrics is made once for all who ask within a second, and again after a failure', async () => {
    const clock = new FakeClock();
    const metrics = vi.fn<ServerPorts['metrics']>().mockRejectedValueOnce(new Error('registry on fire'));
    metrics.mockImplementation(async () => ({ contentType: 'text/plain', body: `${metrics.mock.calls.length}` }));
    const { get } = await open({ clock, ports: { metrics } });
    expect((await get('/metrics')).status).toBe(500);
    const burst = await Promise.all(Array.from({ length: 20 }, () => get('/metrics')));
    expect(new Set(burst.map(({ body }) => body))).toEqual(new Set(['2']));
    await clock.advance(999);
    expect((await get('/metrics')).body).toBe('2');
    await clock.advance(1);
    expect((await get('/metrics')).body).toBe('3');
  });

  it('answers HEAD like GET, without the body', async () => {
    const { send } = await open();
    const reply = await send('HEAD', '/healthz');
    expect([reply.status, reply.body]).toEqual([200, '']);
  });
});

describe('what the scanner does', () => {
  it('/api/v1/status is what the port says', async () => {
    const { get } = await open();
    expect((await get('/api/v1/status')).json()).toMatchObject({ exchange: 'sim', ready: true, lastCycle: CYCLE });
  });

  it('/api/v1/cycles is a list of at most `limit`', async () => {
    const { get } = await open();
    expect((await get('/api/v1/cycles?limit=1')).json()).toEqual({ items: [CYCLE], nextCursor: null });
  });

  it('/api/v1/analyzers is a list', async () => {
    const { get } = await open();
    const { items, nextCursor } = (await get('/api/v1/analyzers')).json() as { items: unknown[]; nextCursor: null };
    expect(items).toEqual([expect.objectContaining({ name: 'trend', warmup: 35 })]);
    expect(nextCursor).toBeNull();
  });

  it('/api/v1/symbols is in the order of names, and its cursor goes on behind the last one', async () => {
    const { get } = await open();
    expect((await get('/api/v1/symbols')).json()).toEqual({
      items: [{ symbol: 'BTCUSDT' }, { symbol: CHINESE }],
      nextCursor: null,
    });
    const first = (await get('/api/v1/symbols?limit=1')).json() as { items: unknown[]; nextCursor: string };
    expect(first.items).toEqual([{ symbol: 'BTCUSDT' }]);
    const second = await get(`/api/v1/symbols?limit=1&cursor=${first.nextCursor}`);
    expect(second.json()).toEqual({ items: [{ symbol: CHINESE }], nextCursor: null });
  });

  it('/api/v1/candles gives numbers that parse to the decimals of the exchange, with the source of each', async () => {
    const { get } = await open();
    const { body } = await get('/api/v1/candles/BTCUSDT/5m?limit=1');
    expect(JSON.parse(body)).toEqual({ symbol: 'BTCUSDT', timeframe: '5m', candles: [candleItem(1)] });
  });

  it('finds symbols beyond ASCII, and says 404 of series that are not held', async () => {
    const { get } = await open();
    const found = await get(`/api/v1/candles/${encodeURIComponent(CHINESE)}/5m`);
    expect(found.json()).toMatchObject({ symbol: CHINESE, candles: [candleItem(0), candleItem(1)] });
    expect((await get('/api/v1/candles/NOSUCHUSDT/5m')).status).toBe(404);
    expect((await get('/api/v1/candles/BTCUSDT/1h')).status).toBe(404);
  });
});

describe('signals', () => {
  it('are passed on as the port shapes them', async () => {
    const { get } = await open();
    const page = await get('/api/v1/signals?limit=2');
    expect(page.json()).toEqual({ items: [signalItem(0), signalItem(1)], nextCursor: null });
    expect((await get(`/api/v1/signals/${signalItem(1).id}`)).json()).toEqual(signalItem(1));
  });

  it('are 404 by an id that nobody knows', async () => {
    const { get } = await open();
    expect((await get(`/api/v1/signals/${'f'.repeat(32)}`)).status).toBe(404);
  });

  it('are filtered by every parameter of the contract, each checked and converted', async () => {
    const filters: SignalFilter[] = [];
    const signals = (filter: SignalFilter) => {
      filters.push(filter);
      return { items: [], nextCursor: 'next' };
    };
    const { get } = await open({ ports: { signals } });
    const query =
      `symbol=${encodeURIComponent(CHINESE)}&timeframe=15m&analyzer=trend&direction=long&status=confirmed` +
      '&since=2026-01-01T02:00:00%2B02:00&until=1767312000000&limit=7&cursor=abc_-';
    expect((await get(`/api/v1/signals?${query}`)).json()).toEqual({ items: [], nextCursor: 'next' });
    await get('/api/v1/signals');
    expect(filters).toEqual([
      {
        symbol: CHINESE,
        timeframe: '15m',
        analyzer: 'trend',
        direction: 'long',
        status: 'confirmed',
        since: Date.UTC(2026, 0, 1),
        until: Date.UTC(2026, 0, 2),
        limit: 7,
        cursor: 'abc_-',
      },
      { limit: 100 },
    ]);
  });

  it.each([
    ['2026-01-01', Date.UTC(2026, 0, 1)],
    ['2026-01-01T00:05Z', Date.UTC(2026, 0, 1, 0, 5)],
    ['2026-01-01T00:05:00.250Z', Date.UTC(2026, 0, 1, 0, 5, 0, 250)],
    ['0', 0],
  ])('take %s as an instant', async (since, epochMs) => {
    const signals = vi.fn<ServerPorts['signals']>(() => ({ items: [], nextCursor: null }));
    const { get } = await open({ ports: { signals } });
    expect((await get(`/api/v1/signals?since=${since}`)).status).toBe(200);
    expect(signals).toHaveBeenCalledWith({ since: epochMs, limit: 100 });
  });

  it('refuse a cursor that the store does not know', async () => {
    const { get } = await open({ ports: { signals: () => null } });
    const reply = await get('/api/v1/signals?cursor=bogus');
    expect(reply.status).toBe(400);
    expect(reply.json()['detail']).toBe(
      'query cursor: found one that leads nowhere, allowed: the nextCursor of the page before',
    );
  });
});

describe('wrong input', () => {
  const WHOLE = 'a whole number from 1 to 1000';
  it.each([
    ['/api/v1/signals?limit=0', `query limit: found 0, allowed: ${WHOLE}`],
    ['/api/v1/signals?limit=1001', `query limit: found 1001, allowed: ${WHOLE}`],
    ['/api/v1/signals?limit=-1', `query limit: found -1, allowed: ${WHOLE}`],
    ['/api/v1/signals?limit=1e3', `query limit: found 1e3, allowed: ${WHOLE}`],
    ['/api/v1/signals?limit=', `query limit: found an empty text, allowed: ${WHOLE}`],
    ['/api/v1/signals?limit=1&limit=2', `query limit: found 2 values, allowed: ${WHOLE}`],
    ['/api/v1/cycles?page=2', 'query page: found an unknown name, allowed: limit'],
    ['/api/v1/status?verbose', 'query verbose: found an unknown name, allowed: no parameters'],
    ['/api/v1/cycles?__proto__=1', 'query __proto__: found an unknown name, allowed: limit'],
    ['/api/v1/signals?direction=up', 'query direction: found up, allowed: one of long short'],
    ['/api/v1/signals?status=open', 'query status: found open, allowed: one of provisional confirmed revoked expired'],
    [
      '/api/v1/signals?since=2026-02-30',
      'query since: found 2026-02-30, allowed: an instant in ISO 8601 with its offset (2026-01-01T00:05:00Z), a day, or epoch milliseconds',
    ],
    ['/api/v1/signals?since=2&until=1', 'query since: found 2, allowed: an instant that is not after until'],
    [
      '/api/v1/candles/BTCUSDT/7m',
      'path timeframe: found 7m, allowed: one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 1w',
    ],
    ['/api/v1/candles/BTC%00/5m', 'path symbol: found BTC\0, allowed: a symbol such as BTCUSDT'],
    ['/api/v1/signals/42', 'path id: found 42, allowed: 32 hexadecimal digits in lower case'],
    ['/%zz', 'path: found broken percent-encoding, allowed is UTF-8'],
  ])('%s is a 400 that names the place, what was found and what is allowed', async (target, detail) => {
    const { get } = await open();
    const reply = await get(target);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.json()).toMatchObject({ type: 'about:blank', title: 'Bad Request', status: 400, detail });
    expect(reply.status).toBe(400);
  });

  it('has every mistake reported, as long as that fits 1 KiB', async () => {
    const { get } = await open();
    const two = (await get('/api/v1/signals?limit=0&x=1')).json() as { errors: { name: string }[] };
    expect(two.errors.map(({ name }) => name)).toEqual(['limit', 'x']);
    const many = Array.from({ length: 100 }, (_, index) => `unknown${index}=1`).join('&');
    const reply = await get(`/api/v1/signals?${many}`);
    expect(Buffer.byteLength(reply.body)).toBeLessThanOrEqual(1024);
    expect((reply.json() as { errors: unknown[] }).errors.length).toBeGreaterThan(1);
  });

  it('says 404 of unknown paths and 405 with what is allowed of wrong methods', async () => {
    const { get, send } = await open();
    expect((await get('/api/v1/nothing')).status).toBe(404);
    expect((await get('/healthz/')).status).toBe(404);
    const wrong = await send('DELETE', '/api/v1/candles/BTCUSDT/5m?limit=1');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await send('OPTIONS', '/api/v1/signals')).status).toBe(405);
    expect((await get('/api/v1/reload')).headers.get('allow')).toBe('POST');
  });

  it('tells nothing of an error of ours but that there was one, and logs it', async () => {
    const ports = {
      status: () => {
        throw new Error('SELECT * FROM secrets');
      },
      signal: () => Promise.reject(new Error('SELECT * FROM secrets')),
    };
    const { get, logLines } = await open({ ports });
    for (const target of ['/api/v1/status', `/api/v1/signals/${signalItem(1).id}`]) {
      const reply = await get(target);
      expect(reply.status).toBe(500);
      expect(reply.json()['detail']).toBe('internal error; the log of candlescan tells more');
    }
    expect(logLines.filter((line) => line.includes('SELECT * FROM secrets'))).toHaveLength(2);
  });
});

describe('POST /api/v1/reload', () => {
  const JSON_TYPE = { 'Content-Type': 'application/json' };
  const send = (to: TestServer, headers: Record<string, string>, body = '{}') =>
    to.send('POST', '/api/v1/reload', headers, body);

  it('says what is in effect now and what needs a restart', async () => {
    const reply = await send(await open({ token: TOKEN }), { ...BEARER, ...JSON_TYPE });
    expect(reply.status).toBe(200);
    expect(reply.json()).toEqual({ changed: ['log.level'], needsRestart: ['server.port'] });
  });

  it('needs no body, and without one no Content-Type', async () => {
    const reload = vi.fn<ServerPorts['reload']>(async () => ({ ok: true, changed: [], needsRestart: [] }));
    const to = await open({ token: TOKEN, ports: { reload } });
    for (const headers of [BEARER, { ...BEARER, 'Content-Length': '0' }]) {
      const reply = await send(to, headers, '');
      expect([reply.status, reply.json()]).toEqual([200, { changed: [], needsRestart: [] }]);
    }
    expect(reload).toHaveBeenCalledTimes(2);
    expect((await send(to, { ...BEARER, ...JSON_TYPE }, '')).status).toBe(400);
  });

  it('is 422 with the reason when the configuration is wrong', async () => {
    const reason = 'my.yaml:3:16: exchange.weightShare: found 1.5, allowed a number above 0 and at most 1';
    const reply = await send(await open({ token: TOKEN, ports: { reload: async () => ({ ok: false, reason }) } }), {
      ...BEARER,
      ...JSON_TYPE,
    });
    expect([reply.status, reply.json()['detail']]).toEqual([422, reason]);
  });

  it('S11: is off without a configured token, asks for the token, and takes no body but {}, so that no web page can send it', async () => {
    const reload = vi.fn<ServerPorts['reload']>();
    const without = await open({ ports: { reload } });
    expect((await send(without, { ...BEARER, ...JSON_TYPE })).status).toBe(403);
    await without.close();
    const to = await open({ token: TOKEN, ports: { reload } });
    expect((await send(to, JSON_TYPE)).status).toBe(401);
    expect((await send(to, {}, '')).status).toBe(401);
    expect((await send(to, { ...BEARER, Origin: 'http://evil.example' }, '')).status).toBe(403);
    expect((await send(to, { ...BEARER, 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await send(to, { ...BEARER, 'Content-Type': 'application/x-www-form-urlencoded' })).status).toBe(415);
    expect((await send(to, BEARER)).status).toBe(415);
    expect((await send(to, { ...BEARER, ...JSON_TYPE }, '{"__proto__":{"x":1}}')).status).toBe(400);
    expect((await send(to, { ...BEARER, ...JSON_TYPE }, '{"force":true}')).status).toBe(400);
    expect((await send(to, { ...BEARER, ...JSON_TYPE }, '[]')).status).toBe(400);
    expect((await send(to, { ...BEARER, ...JSON_TYPE }, `"${'x'.repeat(65_536)}"`)).status).toBe(413);
    expect(reload).not.toHaveBeenCalled();
  });
});

describe('listening', () => {
  it('P6: on a port that another program has is a ConfigError that names it', async () => {
    const { port } = await open();
    const second = openTestServer({ port });
    await expect(second).rejects.toThrow(ConfigError);
    await expect(second).rejects.toThrow(
      `server.port: found ${port}, which another program listens on; allowed is a free port of 127.0.0.1, or 0`,
    );
  });

  it('P6: on an address of another machine is a ConfigError that names it', async () => {
    await expect(openTestServer({ host: '192.0.2.1' })).rejects.toThrow(
      'server.host: found 192.0.2.1, allowed is an address of this machine',
    );
  });

  it('ends for good with close, which may be called again', async () => {
    const { close, get } = await open();
    await Promise.all([close(), close()]);
    await expect(get('/healthz')).rejects.toThrow('ECONNREFUSED');
  });
});

it('says 400 of a body that no parser knows the end of, although the request was let in before', async () => {
  const { send } = await open();
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'Upgrade' };
  for (const target of ['/healthz', '/api/v1/candles/BTCUSDT/5m', '/nothing']) {
    const reply = await send('PATCH', target, headers);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect([400, 404, 405]).toContain(reply.status);
  }
});
