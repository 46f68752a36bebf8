import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openTestServer, type Reply, requestText, type TestServer } from '../support/server.js';

/** Times forty requests. */
const RUNS = Number(process.env['CANDLESCAN_TEST_FUZZ'] ?? 50);
/** Below the connections that one address may have. */
const AT_ONCE = 40;

let server: TestServer;
beforeAll(async () => {
  server = await openTestServer({
    token: 'secret',
    limits: { headersTimeoutMs: 50, requestTimeoutMs: 60, timeoutCheckMs: 20, keepAliveMs: 20, rowsPerSecond: 1e9 },
  });
});
afterAll(() => server.close());

const nasty = fc.constantFrom(
  '',
  '%00',
  '%',
  '%zz',
  '%c0%ae',
  '../../etc/passwd',
  '..%2f..%5c',
  '__proto__',
  'constructor[prototype][x]',
  "' OR 1=1; DROP TABLE signals--",
  '<script>alert(1)</script>',
  '-1',
  '1e309',
  'NaN',
  '9'.repeat(400),
  '\u00ff\u00fe',
  '\u202e',
  '币安人生USDT',
  '{"$gt":""}',
  '[]',
  'null',
  'A'.repeat(3_000),
  '%F0%9F%92%A9',
  '\t',
  '#',
  '//',
  ';',
  '&',
  '?',
);
const plain = fc.oneof(
  { weight: 2, arbitrary: nasty },
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
/** Encoded it gets further than the parser. */
const word = fc.oneof(plain, plain.map(encodeURIComponent));
const paths = fc.constantFrom(
  '/metrics',
  '/healthz',
  '/readyz',
  '/api/v1/status',
  '/api/v1/cycles',
  '/api/v1/signals',
  '/api/v1/symbols',
  '/api/v1/analyzers',
  '/api/v1/candles/BTCUSDT/5m',
  '/api/v1/openapi.json',
  '/api/v1/reload',
);
const path = fc.oneof(
  { weight: 4, arbitrary: paths },
  word.map((text) => `/${text}`),
  word.map((text) => `/api/v1/signals/${text}`),
  fc.tuple(word, word).map(([symbol, timeframe]) => `/api/v1/candles/${symbol}/${timeframe}`),
  word,
);
const names = fc.constantFrom(
  'limit',
  'cursor',
  'since',
  'until',
  'symbol',
  'status',
  'direction',
  'timeframe',
  'analyzer',
);
const sound = fc.constantFrom('limit=5', 'limit=1000', 'since=0', 'direction=long', 'status=revoked', 'symbol=BTCUSDT');
const odd = fc.tuple(fc.oneof(names, word), word).map(([name, value]) => `${name}=${value}`);
const query = fc.array(fc.oneof(sound, odd), { maxLength: 3 });
const target = fc
  .tuple(path, query)
  .map(([at, parameters]) => (parameters.length === 0 ? at : `${at}?${parameters.join('&')}`));
const methods = [
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'FOO',
  'get',
  '',
];
const method = fc.oneof({ weight: 5, arbitrary: fc.constant('GET') }, fc.constantFrom(...methods));
const headerName = fc.constantFrom(
  '__proto__',
  'constructor',
  'Content-Length',
  'Transfer-Encoding',
  'Content-Type',
  'Origin',
  'Host',
  'Expect',
  'Upgrade',
  'Accept-Version',
  'Authorization',
  'Connection',
  'X-Forwarded-For',
  'Cookie',
);
const headerValue = fc.oneof(
  fc.constantFrom(
    'application/json',
    'chunked',
    '0',
    '5',
    '-5',
    '99999999999999999999',
    '100-continue',
    'websocket',
    'Upgrade',
    'Bearer x',
  ),
  word,
);
const header = fc.tuple(fc.oneof({ weight: 9, arbitrary: headerName }, word), headerValue);
const deepJson = fc.integer({ min: 1, max: 40 }).map((depth) => '[{"a":'.repeat(depth) + '1' + '}]'.repeat(depth));
const body = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  word,
  deepJson,
  fc.json(),
  fc.constant('{}'),
  fc.constant('{"__proto__":{}}'),
);

const authorization = fc.constantFrom('Bearer secret', 'Bearer secret', 'Bearer secret', 'Basic secret', '');
const headers = fc.oneof(fc.constant([]), fc.array(header, { maxLength: 3 }));

const request = fc.tuple(method, target, headers, authorization, body).map(([verb, to, more, token, content]) => {
  const text = requestText(verb, to, { Host: 'localhost', Authorization: token }, verb === 'GET' ? '' : content);
  const lines = more.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(text.replace('\r\n', `\r\n${lines}`));
});
const garbage = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));

/** One of the bytes of a request is another one. */
const mutated = fc.tuple(request, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([bytes, at, value]) => {
  const copy = Buffer.from(bytes);
  copy[at % copy.length] = value;
  return copy;
});

const anything = fc.oneof(
  { weight: 10, arbitrary: request },
  { weight: 3, arbitrary: mutated },
  { weight: 1, arbitrary: garbage },
);

function judge({ status, headers, body: text }: Reply, to: string): void {
  if (status < 400 || status >= 500) expect(status, to).toBe(200);
  if (status === 200) return;
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
  expect(text).not.toMatch(/\bat .*:\d+|node:|\.[jt]s\b|\\n\s+at /);
  // The reply to HEAD has none.
  if (text !== '') expect(JSON.parse(text)).toMatchObject({ type: 'about:blank', status, title: expect.any(String) });
}

it('S3: fuzzed requests get 200 or 4xx with a problem of 1 KiB at most, and never a stack', {
  timeout: RUNS * 2_000,
}, async () => {
  const seen = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
      const replies = await Promise.all(requests.map(server.raw));
      for (const [index, reply] of replies.entries()) {
        judge(reply, String(requests[index]));
        seen.set(reply.status, (seen.get(reply.status) ?? 0) + 1);
      }
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
  // What was sent was of every kind, so that the above means something.
  for (const status of [200, 400, 401, 403, 404, 405, 421]) expect(seen.get(status) ?? 0).toBeGreaterThan(0);
  expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  expect(server.logLines.filter((line) => line.includes('failed'))).toEqual([]);
  expect((await server.get('/healthz')).status).toBe(200);
});

it('S9: made-up symbols, analyzers and paths leave nothing behind in what is measured', async () => {
  const before = Object.keys(server.stats());
  const bearer = { Authorization: 'Bearer secret' };
  const metrics = (await server.get('/metrics', bearer)).body;
  for (let round = 0; round < 25; round++) {
    const made = Array.from({ length: AT_ONCE }, (_, index) => `X${round}N${index}`);
    await Promise.all(
      made.map((name, index) =>
        server.get(
          [`/${name}`, `/api/v1/candles/${name}/5m`, `/api/v1/signals?symbol=${name}`][index % 3] ?? '',
          bearer,
        ),
      ),
    );
  }
  expect(Object.keys(server.stats())).toEqual(before);
  expect((await server.get('/metrics', bearer)).body).toBe(metrics);
});
