import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PressureLevel } from '../../src/lib/memory-pressure.js';
import { createRegistry } from '../../src/lib/metrics.js';
import { serverMetrics } from '../../src/server/metrics.js';
import type { ServerPorts } from '../../src/server/ports.js';
import { scraped } from '../support/metrics.js';
import { openTestServer, signalItem, type TestServer, type TestServerOptions } from '../support/server.js';

let server: TestServer | undefined;
afterEach(() => server?.close());

/** A server of a process under the pressure that `set` says. */
async function open(options: TestServerOptions = {}) {
  let level: PressureLevel = 0;
  server = await openTestServer({ ...options, ports: { ...options.ports, memoryPressure: () => level } });
  const set = (to: PressureLevel) => {
    level = to;
  };
  return { ...server, set };
}

const CANDLES = '/api/v1/candles/BTCUSDT/5m';
const SUPERVISORS = ['/healthz', '/readyz', '/metrics', '/api/v1/status'];
const OTHERS = [
  '/api/v1/cycles',
  '/api/v1/symbols',
  '/api/v1/analyzers',
  '/api/v1/signals',
  `/api/v1/signals/${signalItem(1).id}`,
  '/api/v1/openapi.json',
];

async function statuses({ get }: Pick<TestServer, 'get'>, paths: readonly string[]): Promise<number[]> {
  return Promise.all(paths.map(async (path) => (await get(path)).status));
}

describe('a server while memory is short', () => {
  it('answers everything at level 1', async () => {
    const { get, set } = await open();
    set(1);
    expect(await statuses({ get }, [CANDLES, ...SUPERVISORS, ...OTHERS])).toEqual(Array(11).fill(200));
  });

  it('refuses candles alone from level 2 on, says why and when to come back, and reads none', async () => {
    const candles = vi.fn<ServerPorts['candles']>(() => []);
    const { get, set, logLines } = await open({ ports: { candles } });
    set(2);
    const reply = await get(CANDLES);
    expect(reply.status).toBe(503);
    expect(reply.headers.get('content-type')).toBe('application/problem+json');
    expect(reply.headers.get('retry-after')).toBe('30');
    expect(reply.json()).toMatchObject({
      title: 'Service Unavailable',
      detail: expect.stringMatching(/^memory: /),
      reason: 'memory',
      memoryPressure: 2,
    });
    expect(candles).not.toHaveBeenCalled();
    expect(await statuses({ get }, [...SUPERVISORS, ...OTHERS])).toEqual(Array(10).fill(200));
    expect(logLines.filter((line) => line.includes('a request failed'))).toEqual([]);
  });

  it('answers supervisors alone at level 3, and everybody again below', async () => {
    const { get, send, set } = await open({ token: 'correct-horse' });
    const bearer = { Authorization: 'Bearer correct-horse' };
    const withToken = { get: (path: string) => get(path, bearer) };
    const reload = async () =>
      (await send('POST', '/api/v1/reload', { ...bearer, 'Content-Type': 'application/json' }, '{}')).status;
    set(3);
    expect(await statuses(withToken, SUPERVISORS)).toEqual([200, 200, 200, 200]);
    expect(await statuses(withToken, [CANDLES, ...OTHERS])).toEqual(Array(7).fill(503));
    expect(await reload()).toBe(503);
    expect((await withToken.get('/api/v1/cycles')).json()).toMatchObject({ reason: 'memory', memoryPressure: 3 });
    set(1);
    expect(await statuses(withToken, [CANDLES, ...OTHERS])).toEqual(Array(7).fill(200));
    expect(await reload()).toBe(200);
  });

  it('tells those without the token nothing of it', async () => {
    const { get, set } = await open({ token: 'correct-horse' });
    set(3);
    expect(await statuses({ get }, [CANDLES, '/api/v1/cycles', '/readyz'])).toEqual([401, 401, 401]);
  });

  it('tells the level with its readiness, ready or not', async () => {
    const unready = vi.fn<ServerPorts['unready']>(() => []);
    const { get, set } = await open({ ports: { unready } });
    set(2);
    expect((await get('/readyz')).json()).toEqual({ ready: true, degraded: [], memoryPressure: 2 });
    unready.mockReturnValue([{ reason: 'stale', detail: 'old' }]);
    expect((await get('/readyz')).json()).toMatchObject({ ready: false, memoryPressure: 2 });
  });

  it('counts what it refused', async () => {
    const { get, set, stats } = await open();
    const registry = createRegistry({ prefix: 'candlescan_' });
    serverMetrics(registry, stats);
    expect((await scraped(registry)).get('candlescan_http_requests_shed_total')).toBe(0);
    set(2);
    await statuses({ get }, [CANDLES, CANDLES, '/api/v1/cycles']);
    set(3);
    await statuses({ get }, [CANDLES, '/api/v1/cycles', '/healthz']);
    expect(stats().shedForMemory).toBe(4);
    expect((await scraped(registry)).get('candlescan_http_requests_shed_total')).toBe(4);
  });
});
