import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.js';
import { LIMITS } from '../../src/server/limits.js';
import type { ServerPorts } from '../../src/server/ports.js';
import { FakeClock } from '../support/fake-clock.js';
import {
  type OpenSocket,
  openSocket,
  openTestServer,
  signalItem,
  type TestServer,
  type TestServerOptions,
} from '../support/server.js';

let server: TestServer | undefined;
const sockets: OpenSocket[] = [];
afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.destroy();
  await server?.close();
});

async function open(options: TestServerOptions = {}): Promise<TestServer> {
  server = await openTestServer(options);
  return server;
}

async function crowd(size: number, port: number, addressOf = (_index: number) => '127.0.0.1'): Promise<OpenSocket[]> {
  const opened = await Promise.all(Array.from({ length: size }, (_, index) => openSocket(port, addressOf(index))));
  sockets.push(...opened);
  return opened;
}

/** Ways of holding a connection without finishing a request. */
const HOLDS: readonly ((held: OpenSocket) => void)[] = [
  () => {},
  ({ socket }) => socket.write('GET /api/v1/sig'),
  ({ socket }) => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
  ({ socket }) => socket.end('GET / HT'),
  ({ socket }) => socket.write('POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{'),
];

const hold = (held: readonly OpenSocket[]) => {
  for (const [index, one] of held.entries()) HOLDS[index % HOLDS.length]?.(one);
};

const stillOpen = (held: readonly OpenSocket[]) => held.filter(({ socket }) => !socket.destroyed).length;

/** For a machine that others keep busy. */
const PATIENT = { timeout: 20_000 };

const IMPATIENT = { headersTimeoutMs: 300, requestTimeoutMs: 500, timeoutCheckMs: 50 };

describe('S2: clients that hold connections', () => {
  it('are bounded as the fault asks for', () => {
    expect(LIMITS).toMatchObject({
      headersTimeoutMs: 5_000,
      requestTimeoutMs: 10_000,
      timeoutCheckMs: 1_000,
      maxConnections: 512,
      maxConnectionsPerAddress: 64,
    });
  });

  it('get 64 connections of one address at most, and keep nobody else of that address from being answered', async () => {
    const { get, port, stats } = await open();
    const held = await crowd(640, port);
    hold(held);
    for (let time = 0; time < 5; time++) expect((await get('/api/v1/signals')).status).toBe(200);
    await vi.waitFor(() => expect(stillOpen(held)).toBeLessThanOrEqual(64), PATIENT);
    expect(stats().connections).toBeLessThanOrEqual(64);
    expect(stats().displaced).toBeGreaterThan(0);
    expect(stats().turnedAway).toBe(0);
  });

  // Other systems than Linux have no address 127.0.0.2 unless they are told to.
  it.skipIf(process.platform !== 'linux')(
    'get 512 connections of all addresses at most, and keep nobody from being answered (skipped without 127.0.0.2)',
    async () => {
      const { get, port, stats } = await open();
      const held = await crowd(700, port, (index) => `127.0.0.${2 + (index % 14)}`);
      hold(held);
      for (let time = 0; time < 5; time++) expect((await get('/api/v1/signals')).status).toBe(200);
      await vi.waitFor(() => expect(stillOpen(held)).toBeLessThanOrEqual(512), PATIENT);
      expect(stats().connections).toBeLessThanOrEqual(512);
      expect(stats().displaced).toBeGreaterThan(0);
    },
  );

  it('are told 408 and cut when their time is up, whatever of a request they have sent', async () => {
    const { port, stats } = await open({ token: 'secret', limits: IMPATIENT });
    const lines = ['POST /api/v1/reload HTTP/1.1', 'Host: localhost', 'Authorization: Bearer secret'];
    const typed = [...lines, 'Content-Type: application/json', 'Content-Length: 9'];
    const beginnings = [
      'GET /api/v1/sig',
      'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
      `${typed.join('\r\n')}\r\n\r\n{`,
    ];
    const [idle, ...slow] = (await crowd(4, port)) as [OpenSocket, ...OpenSocket[]];
    for (const [index, { socket }] of slow.entries()) socket.write(beginnings[index] ?? '');
    for (const { closed } of slow) expect(await closed).toMatch(/^HTTP\/1\.1 408 .*"status":408/s);
    await idle.closed;
    await vi.waitFor(() => expect(stats().connections).toBe(0), PATIENT);
  });

  it('do not hold up a connection that a handler works for: then the newcomer is turned away', async () => {
    let answer: (signal: null) => void = () => {};
    const signal = vi.fn<ServerPorts['signal']>(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    const { get, port, stats } = await open({ limits: { maxConnectionsPerAddress: 1 }, ports: { signal } });
    const [busy] = (await crowd(1, port)) as [OpenSocket];
    busy.socket.write(`GET /api/v1/signals/${'0'.repeat(32)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    await vi.waitFor(() => expect(signal).toHaveBeenCalled(), PATIENT);
    await vi.waitFor(async () => {
      await get('/healthz').catch(() => {});
      expect(stats().turnedAway).toBeGreaterThan(0);
    }, PATIENT);
    answer(null);
    expect(await busy.closed).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe('S2: many requests', () => {
  it('for /metrics within a second cost one scrape', async () => {
    const metrics = vi.fn<ServerPorts['metrics']>(async () => ({ contentType: 'text/plain', body: 'x 1\n' }));
    const { port } = await open({ clock: new FakeClock(), ports: { metrics } });
    const clients = await crowd(40, port);
    const request = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const last = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    for (const { socket } of clients) socket.write(request.repeat(24) + last);
    const replies = await Promise.all(clients.map(({ closed }) => closed));
    for (const reply of replies) expect(reply.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(25);
    expect(metrics).toHaveBeenCalledTimes(1);
  });

  it('for long lists are cut off by the budget of rows, which leaves probes alone and fills up again', async () => {
    const clock = new FakeClock();
    const items = Array.from({ length: 1_000 }, (_, index) => signalItem(index));
    const signals = vi.fn<ServerPorts['signals']>(({ limit }) => ({ items: items.slice(0, limit), nextCursor: null }));
    const { get, stats } = await open({ clock, limits: { rowsPerSecond: 5_000 }, ports: { signals } });
    const statuses: number[] = [];
    for (let time = 0; time < 12; time++) statuses.push((await get('/api/v1/signals?limit=1000')).status);
    expect(statuses).toEqual([...Array<number>(10).fill(200), 429, 429]);
    expect(signals).toHaveBeenCalledTimes(10);
    const refused = await get('/api/v1/candles/BTCUSDT/5m?limit=10000');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '2']);
    for (const probe of ['/healthz', '/readyz', '/metrics', '/api/v1/status']) {
      expect((await get(probe)).status).toBe(200);
    }
    await clock.advance(200);
    expect((await get('/api/v1/signals?limit=1000')).status).toBe(200);
    expect(stats().refusedForRows).toBe(3);
  });

  it('that find nothing cost their search', async () => {
    const { get } = await open({ clock: new FakeClock(), limits: { rowsPerSecond: 500 } });
    const statuses: number[] = [];
    for (let time = 0; time < 6; time++) statuses.push((await get('/api/v1/signals?limit=1')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
  });
});

describe('S2: clients that do not read', () => {
  const MEGABYTE = 'x'.repeat(2 ** 20);
  const long = () => ({
    items: Array.from({ length: 16 }, () => ({ ...signalItem(0), version: MEGABYTE })),
    nextCursor: null,
  });
  const REQUEST = 'GET /api/v1/signals HTTP/1.1\r\nHost: localhost\r\n\r\n';

  /** A client whose reply is on its way and more than the system buffers. */
  async function stuck(to: TestServer): Promise<OpenSocket> {
    const [client] = (await crowd(1, to.port)) as [OpenSocket];
    client.socket.pause();
    client.socket.write(REQUEST);
    return client;
  }

  it('are cut before what waits for them exceeds its bound, the slowest first', async () => {
    const ports = { signals: vi.fn<ServerPorts['signals']>(long) };
    const to = await open({ limits: { maxUnreadBytes: 2 ** 20 }, ports });
    await stuck(to);
    await vi.waitFor(() => expect(ports.signals).toHaveBeenCalled(), PATIENT);
    await vi.waitFor(async () => {
      expect((await to.get('/api/v1/signals?limit=1')).status).toBe(200);
      expect(to.stats().slowReaders).toBe(1);
    }, PATIENT);
    await vi.waitFor(() => expect(to.stats().connections).toBe(0), PATIENT);
  });

  it('are cut when nothing has moved for a while', async () => {
    const ports = { signals: vi.fn<ServerPorts['signals']>(long) };
    const to = await open({ limits: { stalledTimeoutMs: 100 }, ports });
    await stuck(to);
    await vi.waitFor(() => expect(ports.signals).toHaveBeenCalled(), PATIENT);
    await vi.waitFor(() => expect(to.stats().connections).toBe(0), PATIENT);
  });

  it('do not hold up close(), which leaves no connection', async () => {
    const ports = { signals: vi.fn<ServerPorts['signals']>(long) };
    const to = await open({ ports });
    const clients = await Promise.all([stuck(to), stuck(to), stuck(to)]);
    await vi.waitFor(() => expect(ports.signals).toHaveBeenCalledTimes(3), PATIENT);
    hold(await crowd(10, to.port));
    const startMs = systemClock.monotonic();
    await to.close();
    expect(systemClock.monotonic() - startMs).toBeLessThan(1_000);
    expect(to.stats().connections).toBe(0);
    // A paused socket sees its end only when it reads again.
    for (const { socket } of clients) socket.resume();
    await Promise.all(sockets.map(({ closed }) => closed));
  });
});

it('answers 503 for a port that does not', async () => {
  const { get, logLines } = await open({
    limits: { handlerTimeoutMs: 50 },
    ports: { signal: () => new Promise(() => {}) },
  });
  const reply = await get(`/api/v1/signals/${'0'.repeat(32)}`);
  expect([reply.status, reply.json()['detail']]).toEqual([503, 'no answer in time']);
  expect(logLines.some((line) => line.includes('a request failed'))).toBe(true);
});
