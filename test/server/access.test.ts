import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../support/fake-clock.js';
import {
  LOOPBACK_NAMES,
  openTestServer,
  requestText,
  type TestServer,
  type TestServerOptions,
} from '../support/server.js';

let server: TestServer | undefined;
afterEach(() => server?.close());

async function open(options: TestServerOptions = {}): Promise<TestServer> {
  server = await openTestServer(options);
  return server;
}

const TOKEN = 'canary/7f3a+9c==';
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** A route, a page that is not there, a method that is not, and a broken URL. */
const TARGETS = ['/metrics', '/healthz', '/readyz', '/api/v1/signals', '/api/v1/openapi.json', '/nothing', '/%zz'];

describe('S6: the Host of a request', () => {
  it.each([
    '127.0.0.1:PORT',
    '127.0.0.1',
    'localhost',
    'LocalHost:PORT',
    'localhost.',
    'localhost.:PORT',
    '[::1]:PORT',
  ])('%s is answered', async (host) => {
    const { get, port } = await open();
    expect((await get('/healthz', { Host: host.replace('PORT', String(port)) })).status).toBe(200);
  });

  it('may be written in any form of the same IPv6 address', async () => {
    const { get } = await open();
    expect((await get('/healthz', { Host: '[0:0:0:0:0:0:0:1]' })).status).toBe(200);
    expect((await get('/healthz', { Host: '[::0001]' })).status).toBe(200);
  });

  it.each([
    'evil.example:PORT',
    'EVIL.example',
    'localhost.evil.example:PORT',
    'evil.localhost',
    '127.0.0.1.nip.io:PORT',
    '127.0.0.1:1',
    'localhost:80',
    'localhost..',
    'localhost:',
    'localhost:PORTx',
    'localhost@evil.example',
    'evil.example#localhost',
    'localhost, evil.example',
    '127.1',
    '2130706433',
    '0x7f.1',
    '0.0.0.0:PORT',
    '[::]:PORT',
    '[::ffff:127.0.0.1]:PORT',
    '[::1%25lo]:PORT',
    '::1',
    '[::1',
    '',
  ])('%s is refused with 421 on every path, before it is routed', async (host) => {
    const { get, port, stats } = await open();
    for (const target of TARGETS) {
      const reply = await get(target, { Host: host.replace('PORT', String(port)) });
      expect([target, reply.status]).toEqual([target, 421]);
      expect(reply.json()).toMatchObject({ title: 'Misdirected Request', status: 421 });
    }
    expect(stats().refusedHosts).toBe(TARGETS.length);
  });

  it('is refused when there are two, even if both are ours, and when there is none', async () => {
    const { raw, port } = await open();
    const ours = `127.0.0.1:${port}`;
    for (const target of TARGETS) {
      for (const second of [ours, 'evil.example']) {
        const two = `GET ${target} HTTP/1.1\r\nHost: ${ours}\r\nhOsT: ${second}\r\n\r\n`;
        expect((await raw(two)).status).toBe(421);
      }
      expect((await raw(`GET ${target} HTTP/1.1\r\n\r\n`)).status).toBe(400);
      expect((await raw(`GET ${target} HTTP/1.0\r\n\r\n`)).status).toBe(400);
    }
  });

  it('is also that of a target in absolute form, which must be ours too', async () => {
    const { get, port } = await open();
    const own = await get(`http://localhost:${port}/healthz`);
    expect([own.status, own.json()['status']]).toEqual([200, 'ok']);
    expect((await get(`HTTP://LOCALHOST:${port}/api/v1/cycles?limit=1`)).status).toBe(200);
    expect((await get(`http://localhost:${port}`)).status).toBe(404);
    for (const authority of ['evil.example', `evil.example:${port}`, 'localhost:1', 'localhost@evil.example', '']) {
      for (const target of TARGETS) expect((await get(`http://${authority}${target}`)).status).toBe(421);
    }
    expect((await get(`http://localhost:${port}/healthz`, { Host: 'evil.example' })).status).toBe(421);
  });

  it('is not made up for by a target that is no path', async () => {
    const { get, send, port } = await open();
    expect((await get('https://localhost/healthz')).status).toBe(400);
    expect((await get('*')).status).toBe(400);
    expect((await send('CONNECT', `localhost:${port}`)).status).toBe(405);
    expect((await get('//evil.example/healthz')).status).toBe(404);
    expect((await get('/healthz/../metrics')).status).toBe(404);
  });

  it('is judged by the names of the configuration, and by new ones after reconfigure', async () => {
    const { get, port, reconfigure } = await open({ allowedHosts: ['Scan.Example'] });
    expect((await get('/healthz', { Host: `scan.example:${port}` })).status).toBe(200);
    expect((await get('/healthz')).status).toBe(421);
    reconfigure({ allowedHosts: ['127.0.0.1'], allowedOrigins: [], token: null });
    expect((await get('/healthz', { Host: `scan.example:${port}` })).status).toBe(421);
    expect((await get('/healthz')).status).toBe(200);
  });

  it('is checked over IPv6 like over IPv4', async () => {
    const { raw, port, url } = await open({ host: '::1' });
    expect(url).toBe(`http://[::1]:${port}`);
    expect((await raw(requestText('GET', '/healthz', { Host: `[::1]:${port}` }))).status).toBe(200);
    expect((await raw(requestText('GET', '/healthz', { Host: `evil.example:${port}` }))).status).toBe(421);
  });
});

describe('S6: the Origin of a request', () => {
  const allowedOrigins = [...LOOPBACK_NAMES, 'https://grafana.example', 'http://dash.example:3000'];

  it.each([
    'http://localhost:PORT',
    'HTTP://LOCALHOST:PORT',
    'http://127.0.0.1:PORT',
    'http://[::1]:PORT',
    'https://grafana.example',
    'https://grafana.example:443',
    'http://dash.example:3000',
  ])('%s may call, and gets no CORS header', async (origin) => {
    const { get, port } = await open({ allowedOrigins });
    const reply = await get('/api/v1/signals', { Origin: origin.replace('PORT', String(port)) });
    expect(reply.status).toBe(200);
    expect([...reply.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    'null',
    '',
    'http://evil.example',
    'http://evil.example:PORT',
    'http://localhost',
    'http://localhost:1',
    'https://localhost:PORT',
    'http://localhost.evil.example:PORT',
    'http://localhost:PORT/',
    'http://localhost:PORT@evil.example',
    'http://grafana.example',
    'https://grafana.example:3000',
    'http://dash.example',
    'file://localhost',
    'chrome-extension://localhost',
    'localhost',
  ])('%s is refused with 403 on every path', async (origin) => {
    const { get, port, stats } = await open({ allowedOrigins });
    for (const target of TARGETS) {
      const reply = await get(target, { Origin: origin.replace('PORT', String(port)) });
      expect([target, reply.status]).toEqual([target, 403]);
    }
    expect(stats().refusedOrigins).toBe(TARGETS.length);
  });

  it('is refused when there are two', async () => {
    const { raw, port } = await open();
    const own = `http://localhost:${port}`;
    const request = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nOrigin: ${own}\r\nOrigin: ${own}\r\n\r\n`;
    expect((await raw(request)).status).toBe(403);
  });
});

describe('the token', () => {
  it('is needed for everything but /healthz once it is configured', async () => {
    const { get } = await open({ token: TOKEN });
    expect((await get('/healthz')).status).toBe(200);
    for (const target of ['/metrics', '/readyz', '/api/v1/status', '/api/v1/openapi.json', '/nothing']) {
      const reply = await get(target);
      expect([target, reply.status]).toEqual([target, 401]);
      expect(reply.headers.get('www-authenticate')).toBe('Bearer realm="candlescan"');
    }
    expect((await get('/metrics', bearer(TOKEN))).status).toBe(200);
    expect((await get('/metrics', { authorization: `bEaReR  ${TOKEN}` })).status).toBe(200);
    expect((await get('/nothing', bearer(TOKEN))).status).toBe(404);
  });

  it('is refused when anything of it differs', async () => {
    const { get } = await open({ token: TOKEN });
    for (const wrong of [TOKEN.slice(1), `${TOKEN}x`, TOKEN.toUpperCase()]) {
      expect((await get('/metrics', bearer(wrong))).status).toBe(401);
    }
    expect((await get('/metrics', { Authorization: TOKEN })).status).toBe(401);
    expect((await get('/metrics', { Authorization: `Basic ${TOKEN}` })).status).toBe(401);
  });

  it('is changed by reconfigure', async () => {
    const { get, reconfigure } = await open({ token: 'old' });
    reconfigure({ allowedHosts: LOOPBACK_NAMES, allowedOrigins: [], token: 'new' });
    expect((await get('/metrics', bearer('old'))).status).toBe(401);
    expect((await get('/metrics', bearer('new'))).status).toBe(200);
  });

  it('S11: is not heard for the rest of a minute after five wrong ones, not even when it is right', async () => {
    const clock = new FakeClock();
    const { get, stats, logLines } = await open({ token: TOKEN, clock });
    for (let time = 0; time < 5; time++) {
      expect((await get('/metrics', bearer(`guess${time}`))).status).toBe(401);
      await clock.advance(1_000);
    }
    const locked = await get('/metrics', bearer(TOKEN));
    expect([locked.status, locked.headers.get('retry-after')]).toEqual([429, '55']);
    expect((await get('/metrics')).status).toBe(401);
    expect((await get('/healthz')).status).toBe(200);
    await clock.advance(55_000);
    expect((await get('/metrics', bearer(TOKEN))).status).toBe(200);
    expect(stats()).toMatchObject({ refusedTokens: 6, throttledTokens: 1 });
    expect(logLines.filter((line) => line.includes('too many wrong tokens'))).toHaveLength(1);
  });

  it('S11: may be mistyped four times a minute for ever, and a right one wipes the slate clean', async () => {
    const clock = new FakeClock();
    const { get } = await open({ token: TOKEN, clock });
    for (let minute = 0; minute < 3; minute++) {
      for (let time = 0; time < 4; time++) expect((await get('/metrics', bearer('typo'))).status).toBe(401);
      await clock.advance(60_000);
    }
    for (let time = 0; time < 4; time++) await get('/metrics', bearer('typo'));
    expect((await get('/metrics', bearer(TOKEN))).status).toBe(200);
    expect((await get('/metrics', bearer('typo'))).status).toBe(401);
    expect((await get('/metrics', bearer(TOKEN))).status).toBe(200);
  });
});

describe('S7: the token', () => {
  const base64 = Buffer.from(TOKEN).toString('base64');
  const spellings = [TOKEN, encodeURIComponent(TOKEN), base64, Buffer.from(TOKEN).toString('base64url')];

  it('is in no reply and no log line, however a client sends it back', async () => {
    const failing = () => Promise.reject(new Error('out of order'));
    const { get, send, raw, port, logLines } = await open({ token: TOKEN, ports: { signal: failing } });
    const host = `127.0.0.1:${port}`;
    const replies = [
      await get('/metrics', bearer(TOKEN)),
      await get(`/api/v1/signals/${'0'.repeat(32)}`, bearer(TOKEN)),
    ];
    for (const spelling of spellings) {
      const inUrl = encodeURIComponent(spelling);
      for (const headers of [{}, bearer(TOKEN)]) {
        replies.push(
          await get(`/api/v1/signals?token=${inUrl}`, headers),
          await get(`/api/v1/signals?${inUrl}=1`, headers),
          await get(`/api/v1/signals?symbol=${inUrl}&limit=x${inUrl}x`, headers),
          await get(`/api/v1/candles/${inUrl}/5m`, headers),
          await get(`/${inUrl}`, headers),
          await get(`/%zz${spelling}`, headers),
          await send('POST', '/api/v1/reload', { 'Content-Type': 'application/json', ...headers }, `{"${spelling}":1}`),
          await send('POST', '/api/v1/reload', { 'Content-Type': 'application/json', ...headers }, spelling),
          await send('POST', '/api/v1/reload', { 'Content-Type': spelling, ...headers }, spelling),
          await get('/healthz', { Host: spelling, ...headers }),
          await get('/healthz', { Origin: spelling, ...headers }),
          await get('/healthz', { Expect: spelling, ...headers }),
        );
      }
      replies.push(
        await raw(`${spelling} / HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
        await raw(`GET / ${spelling}\r\n\r\n`),
      );
    }
    const statuses = new Set(replies.map(({ status }) => status));
    for (const expected of [200, 400, 401, 403, 404, 415, 417, 421, 500]) expect(statuses).toContain(expected);
    const told = [...replies.map(({ headers, body }) => JSON.stringify([[...headers], body])), ...logLines].join('\n');
    for (const spelling of spellings) expect(told).not.toContain(spelling.replace(/=+$/, ''));
  });
});

it('sends headers with every reply that let a browser run, frame, guess, keep and share nothing of it', async () => {
  const { get, raw, port } = await open();
  const replies = [await get('/healthz'), await get('/nothing'), await get('/healthz', { Host: 'evil.example' })];
  replies.push(await raw(`BOGUS / HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`));
  expect(replies.map(({ status }) => status)).toEqual([200, 404, 421, 400]);
  for (const { headers } of replies) {
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(headers.get('cache-control')).toBe('no-store');
    expect([...headers.keys()].some((name) => name.startsWith('access-control'))).toBe(false);
  }
});
