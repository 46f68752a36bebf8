import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { type Rig, startRig } from '../../support/hostile-client.js';
import { type HostileRequest, httpReply, klineRows, klinesReply } from '../../support/hostile-server.js';

let rig: Rig;
afterEach(() => rig.close());

const goodRows = klineRows(3).length;
const send = (bytes: Buffer | string) => (request: HostileRequest) => void request.socket.write(bytes);
const fail = (status: number, body = '', headers = {}) => send(httpReply({ status, body, headers }));

/** Lets the world move on until `condition` holds; the test's own time limit is what ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('X1: 429', () => {
  it('on one of 64 holds back everything until Retry-After, then the one is retried and all succeed', async () => {
    const clock = new FakeClock();
    rig = await startRig(send(klinesReply(3, { 'x-mbx-used-weight-1m': '1' })), { clock });
    await rig.klines();
    rig.server.answer((request) =>
      request.index === 32
        ? request.socket.write(httpReply({ status: 429, headers: { 'retry-after': '7' } }))
        : request.socket.write(klinesReply()),
    );
    const batch = Promise.all(Array.from({ length: 64 }, () => rig.klines()));
    // Every one of the 64 is served or waits at the gate; the refused one is both answered and waiting.
    await until(() => rig.events.length - 1 + rig.governor.waiting === 65);
    expect(rig.governor.closedForMs).toBe(7_000);
    const sent = rig.server.requests.length;

    const late = rig.klines();
    await clock.advance(6_990);
    expect(rig.server.requests.length).toBe(sent);
    const done = Promise.all([batch, late]);
    await clock.advance(500);
    await done;
    expect(rig.server.requests.length).toBe(67);
    expect(rig.client.stats()).toMatchObject({ total: 67, failed: 0, retried: 1, throttled: 1 });
  });

  it('on all of them holds back everything, and what the retry budget does not cover fails as throttled', async () => {
    const clock = new FakeClock();
    rig = await startRig(fail(429, '{"code":-1003,"msg":"Too many requests"}', { 'retry-after': '7' }), { clock });
    const kinds = Promise.all(Array.from({ length: 64 }, () => rig.kindOf(rig.klines())));
    // How many are written before the first 429 comes back is up to the kernel.
    const answered = () => rig.governor.waiting + rig.client.stats().failed === 64;
    while (rig.client.stats().failed < 64) {
      await until(answered);
      const sent = rig.server.requests.length;
      await clock.advance(6_700);
      expect(rig.server.requests.length).toBe(sent);
      await clock.advance(700);
    }
    expect(new Set(await kinds)).toEqual(new Set(['throttled']));
    expect(rig.client.stats().retried).toBeLessThanOrEqual(10 + 6.4);
  });

  it('takes back what is charged but not yet written when the gate closes', async () => {
    const clock = new FakeClock();
    rig = await startRig(send(klinesReply()), { clock, window: 1 });
    await rig.klines();
    rig.server.answer((request) =>
      request.socket.write(
        request.index === 1 ? httpReply({ status: 429, headers: { 'retry-after': '7' } }) : klinesReply(),
      ),
    );
    // One socket: the second and third are charged and queue for it.
    const all = Promise.all([rig.klines(), rig.klines(), rig.klines()]);
    await until(() => rig.governor.waiting === 3);
    await clock.advance(6_900);
    expect(rig.server.requests.length).toBe(2);
    await clock.advance(400);
    await all;
    expect(rig.client.stats()).toMatchObject({ total: 5, failed: 0, retried: 1, weight: 5 });
  });
});

describe('X2: 418', () => {
  it('fails as banned, tells until when, and sends nothing before', async () => {
    const clock = new FakeClock();
    const closed: [number, string][] = [];
    rig = await startRig(() => {}, {
      clock,
      governor: { onClosed: (untilMs, reason) => closed.push([untilMs, reason]) },
    });
    const until2Min = rig.governor.exchangeNow() + 120_000;
    const msg = `Way too much request weight used; IP banned until ${until2Min}. Please use the websocket.`;
    rig.server.answer(fail(418, JSON.stringify({ code: -1003, msg })));
    await expect(rig.klines()).rejects.toMatchObject({
      kind: 'banned',
      status: 418,
      code: -1003,
      closedUntil: until2Min,
    });
    expect(closed).toEqual([[until2Min, 'banned']]);

    rig.server.answer(send(klinesReply()));
    const next = rig.klines();
    await clock.advance(119_900);
    expect(rig.server.requests.length).toBe(1);
    await clock.advance(500);
    expect((await next).rows.length).toBe(goodRows);
  });

  it('a ban kept from before a restart lets no request out', async () => {
    const clock = new FakeClock();
    rig = await startRig(send(klinesReply()), { clock, governor: { closedUntil: clock.now() + 120_000 } });
    const aborter = new AbortController();
    const waiting = rig.klines({}, aborter.signal);
    await clock.advance(100_000);
    expect(rig.server.requests.length).toBe(0);
    const reason = new Error('the cycle is over');
    aborter.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('X3: an exchange that is ill', () => {
  it.each([403, 408, 500, 502, 503, 504])(
    '%i is retried twice with backoff and then fails as unavailable',
    async (status) => {
      const clock = new FakeClock();
      rig = await startRig(fail(status, '<html>'), { clock });
      const kind = rig.kindOf(rig.klines());
      await until(() => rig.events.length === 1);
      for (let turn = 0; turn < 2; turn++) {
        await clock.advance(2_000);
        await until(() => rig.events.length === turn + 2);
      }
      expect(await kind).toBe('unavailable');
      expect(rig.client.stats()).toMatchObject({ total: 3, failed: 1, retried: 2 });
    },
  );

  it('opens the circuit, probes with one request after the break, and lets everyone go when that succeeds', async () => {
    const clock = new FakeClock();
    rig = await startRig(fail(503, '{"code":-1016,"msg":"Service is under maintenance."}'), { clock });
    const first = Promise.all(Array.from({ length: 12 }, () => rig.kindOf(rig.klines())));
    for (let turn = 0; turn < 6; turn++) {
      await clock.advance(500);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await first;
    const sent = rig.server.requests.length;
    expect(await rig.kindOf(rig.klines())).toBe('circuitOpen');
    expect(rig.server.requests.length).toBe(sent);

    // The probe fails: open again, for longer.
    await clock.advance(5_000);
    const probes = Array.from({ length: 20 }, () => rig.kindOf(rig.klines()));
    await until(() => rig.server.requests.length === sent + 1);
    await clock.advance(3_000);
    expect(new Set(await Promise.all(probes))).toEqual(new Set(['circuitOpen']));
    expect(rig.server.requests.length).toBe(sent + 1);

    // The probe succeeds: everyone goes.
    await clock.advance(10_000);
    rig.server.answer(send(klinesReply()));
    const served = await Promise.all(Array.from({ length: 20 }, () => rig.klines()));
    expect(served.every((reply) => reply.rows.length === goodRows)).toBe(true);
  });

  const urgent = (symbol = 'BTCUSDT') => rig.client.klines({ symbol, timeframe: '5m', limit: 3 }, { lane: 'urgent' });
  const isBulk = ({ path }: HostileRequest) => path.includes('symbol=BULK');

  it('breaks the circuit of the lane that fails, and of no other', async () => {
    const clock = new FakeClock();
    rig = await startRig(
      (request) => void request.socket.write(isBulk(request) ? httpReply({ status: 503 }) : klinesReply()),
      { clock },
    );
    const failing = Promise.all(Array.from({ length: 12 }, () => rig.kindOf(rig.klines({ symbol: 'BULKUSDT' }))));
    while (rig.client.stats().failed < 12) await clock.advance(100);
    await failing;
    expect(await rig.kindOf(rig.klines())).toBe('circuitOpen');
    expect((await urgent()).rows.length).toBe(goodRows);
  });

  it('serves the urgent lane while every socket of the bulk lane hangs', async () => {
    // On a clock that stands still no deadline frees a socket.
    const clock = new FakeClock();
    const script = (request: HostileRequest) => void (isBulk(request) || request.socket.write(klinesReply()));
    rig = await startRig(script, { clock, window: 4 });
    const aborter = new AbortController();
    const hanging = Array.from({ length: 8 }, () => rig.klines({ symbol: 'BULKUSDT' }, aborter.signal));
    await until(() => rig.server.requests.length === 4);
    expect((await urgent()).rows.length).toBe(goodRows);
    aborter.abort(new Error('the cycle is over'));
    const ends = await Promise.allSettled(hanging);
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('probes an exchange that stays ill once in two minutes and lane, and not less often', async () => {
    const clock = new FakeClock();
    rig = await startRig(fail(503), { clock });
    const sentAt: number[] = [];
    for (let second = 0; second < 3_600; second++) {
      const sent = rig.server.requests.length;
      const { failed } = rig.client.stats();
      const asked = rig.kindOf(rig.klines());
      while (rig.client.stats().failed === failed) await clock.advance(10);
      await asked;
      for (let count = sent; count < rig.server.requests.length; count++) sentAt.push(clock.monotonic());
      await clock.advance(1_000);
    }
    const late = sentAt.filter((time) => time > 1_800_000);
    const gaps = late.slice(1).map((time, index) => time - (late[index] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(118_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(121_000);
  });

  it('adds at most a tenth and a handful of requests when everything fails', async () => {
    const clock = new FakeClock();
    rig = await startRig(fail(400, '{"code":-1001,"msg":"Disconnected"}'), { clock });
    for (let index = 0; index < 11; index++) {
      const kind = rig.kindOf(rig.klines());
      await clock.advance(0);
      for (let turn = 0; turn < 3; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 3));
        await clock.advance(2_000);
      }
      await kind;
      // Something good in between keeps the circuit closed.
      rig.server.answer(send(klinesReply()));
      await rig.klines();
      rig.server.answer(fail(400, '{"code":-1001,"msg":"Disconnected"}'));
    }
    const { total, retried } = rig.client.stats();
    expect(total).toBe(22 + retried);
    expect(retried).toBeLessThanOrEqual(10 + 3);
  });

  it('does not count unknown symbols against the exchange', async () => {
    rig = await startRig(fail(400, '{"code":-1121,"msg":"Invalid symbol."}'));
    for (let index = 0; index < 30; index++) expect(await rig.kindOf(rig.klines())).toBe('badSymbol');
    expect(rig.client.stats()).toMatchObject({ total: 30, retried: 0, failed: 30 });
  });
});

describe('X4: a reply that is not what was asked for', () => {
  const cases: [string, Buffer][] = [
    ['200 with HTML', httpReply({ body: '<html>welcome</html>', headers: { 'content-type': 'text/html' } })],
    ...['{}', '[[]', '"x"', '5', 'null', '[1]', '[null]', '', '{"code":-1000,"msg":"x"}'].map(
      (body): [string, Buffer] => [`200 with ${body || 'nothing'}`, httpReply({ body })],
    ),
    ['202 without a body, from a firewall', httpReply({ status: 202, headers: { 'x-amzn-waf-action': 'challenge' } })],
    ['a redirect (X10)', httpReply({ status: 302, headers: { location: 'http://127.0.0.1:1/' } })],
  ];
  it.each(cases)('%s is a bad payload', async (_title, bytes) => {
    rig = await startRig(send(bytes));
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
    expect(rig.events.map((event) => event.outcome)).toEqual(['badPayload', 'badPayload', 'badPayload']);
  });

  it.each(['{}', '[]', '{"symbols":[]}', '{"symbols":{}}', '{"symbols":[null,{},"x"]}'])(
    'a list of markets that is %s is a bad payload',
    async (body) => {
      rig = await startRig(send(httpReply({ body })));
      expect(await rig.kindOf(rig.client.exchangeInfo({ lane: 'bulk' }))).toBe('badPayload');
    },
  );
});

describe('X4: bad payloads of single symbols', () => {
  const script = ({ path, socket }: HostileRequest) =>
    void socket.write(path.includes('symbol=BAD') ? httpReply({ body: '<html>' }) : klinesReply());
  const bad = () => rig.kindOf(rig.klines({ symbol: 'BADUSDT' }));

  it('do not count against the exchange while other symbols are served', async () => {
    const clock = new FakeClock();
    rig = await startRig(script, { clock });
    await rig.klines();
    const kinds = Promise.all(Array.from({ length: 30 }, bad));
    while (rig.client.stats().failed < 30) await clock.advance(50);
    expect(new Set(await kinds)).toEqual(new Set(['badPayload']));
    expect((await rig.klines()).rows.length).toBe(goodRows);
  });

  it('open the circuit when nothing else has come for 5 s', async () => {
    const clock = new FakeClock();
    rig = await startRig(script, { clock });
    await rig.klines();
    await clock.advance(5_000);
    const kinds = Promise.all(Array.from({ length: 30 }, bad));
    while (rig.client.stats().failed < 30) await clock.advance(50);
    await kinds;
    expect(await rig.kindOf(rig.klines())).toBe('circuitOpen');
  });
});

describe('X5: broken bytes', () => {
  it('accepts nothing of a reply that ends early, with the length right, wrong or unknown', async () => {
    const body = gzipSync(JSON.stringify(klineRows(99)));
    const headers = { 'content-encoding': 'gzip' };
    rig = await startRig(() => {});
    for (let cut = 0; cut < body.length; cut += 997) {
      const part = body.subarray(0, cut);
      rig.server.answer(({ socket }) => socket.end(httpReply({ headers, body: part })));
      expect(await rig.kindOf(rig.klines({ limit: 99 }))).toBe('badPayload');
      rig.server.answer(({ socket }) =>
        socket.end(httpReply({ headers: { ...headers, 'content-length': String(body.length) }, body: part })),
      );
      expect(['unreachable', 'badPayload', 'circuitOpen']).toContain(await rig.kindOf(rig.klines({ limit: 99 })));
      rig.server.answer(send(klinesReply()));
      await rig.klines();
    }
  });

  it('a content-length shorter than the body yields nothing wrong', async () => {
    const body = JSON.stringify(klineRows(3));
    rig = await startRig(({ socket }) => socket.write(httpReply({ headers: { 'content-length': '100' }, body })));
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
  });

  it('bytes that are no HTTP are a bad payload', async () => {
    rig = await startRig(send('SSH-2.0-OpenSSH_9.2\r\n\r\n'));
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
  });
});

describe('X6: a reply that does not come, or does not end', () => {
  const TIMEOUT = 120;
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const cases: [string, (request: HostileRequest) => void][] = [
    ['no headers ever', () => {}],
    ['a stall after the headers', ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n')],
    [
      'a byte now and then',
      ({ socket }) => {
        socket.write(chunked);
        const drip = setInterval(() => socket.write('1\r\n[\r\n'), 20);
        socket.on('close', () => clearInterval(drip));
      },
    ],
    [
      'a stall within a gzip body',
      ({ socket }) => {
        const body = gzipSync(JSON.stringify(klineRows(99)));
        socket.write('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9999\r\n\r\n');
        socket.write(body.subarray(0, 700));
      },
    ],
  ];
  it.each(cases)('%s: ends at the deadline, and the socket is destroyed', async (_title, script) => {
    rig = await startRig(script, { requestTimeoutMs: TIMEOUT });
    expect(await rig.kindOf(rig.klines())).toBe('deadline');
    await until(() => rig.server.requests.every(({ socket }) => socket.destroyed));
    expect(rig.events.map((event) => event.outcome)).toEqual(['deadline', 'deadline', 'deadline']);
    rig.server.answer(send(klinesReply()));
    expect((await rig.klines()).rows.length).toBe(goodRows);
  });

  it('a full window of stalled requests gives every slot back', async () => {
    rig = await startRig(() => {}, { requestTimeoutMs: TIMEOUT, window: 4 });
    const kinds = await Promise.all(Array.from({ length: 8 }, () => rig.kindOf(rig.klines())));
    expect(kinds.every((kind) => kind === 'deadline' || kind === 'circuitOpen')).toBe(true);
    await until(() => rig.server.requests.every(({ socket }) => socket.destroyed));
  });

  it('a status that says enough is believed even when its body never ends', async () => {
    rig = await startRig(
      ({ socket }) => void socket.write('HTTP/1.1 418 Teapot\r\nretry-after: 60\r\ncontent-length: 500\r\n\r\n{'),
      { requestTimeoutMs: TIMEOUT },
    );
    expect(await rig.kindOf(rig.klines())).toBe('banned');
    expect(rig.governor.closedForMs).toBeGreaterThan(50_000);
  });

  it('a peer that takes the connection and never reads it ends at the deadline, 10 s by the clock', async () => {
    const clock = new FakeClock();
    rig = await startRig(() => {}, { clock, requestTimeoutMs: 10_000 });
    rig.server.pause();
    const kind = rig.kindOf(rig.klines());
    await until(() => rig.server.openSockets === 1);
    await clock.advance(9_999);
    expect(rig.events.length).toBe(0);
    await clock.advance(1);
    expect(rig.events).toEqual([{ endpoint: 'klines', outcome: 'deadline', durationMs: 10_000 }]);
    for (let second = 0; second < 30; second++) await clock.advance(1_000);
    expect(await kind).toBe('deadline');
  });

  it("the caller's signal ends it at once with its own reason, and the socket goes", async () => {
    rig = await startRig(() => {});
    const aborter = new AbortController();
    const pending = rig.klines({}, aborter.signal);
    await until(() => rig.server.requests.length === 1);
    const reason = new Error('the cycle is over');
    aborter.abort(reason);
    await expect(pending).rejects.toBe(reason);
    await until(() => rig.server.requests.every(({ socket }) => socket.destroyed));
    expect(rig.events.map((event) => event.outcome)).toEqual(['aborted']);
    expect(rig.client.stats()).toMatchObject({ total: 1, failed: 0, retried: 0 });
  });
});

describe('X7: too much', () => {
  const refusesWithin = async (script: (request: HostileRequest) => void, mebibytes: number) => {
    rig = await startRig(script);
    const before = process.memoryUsage().rss;
    expect(await rig.kindOf(rig.klines())).toBe('badPayload');
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(mebibytes);
  };
  const flood = (head: string, chunk: Buffer, count: number) => (request: HostileRequest) => {
    request.socket.write(head);
    let left = count;
    const more = () => {
      while (left-- > 0 && !request.socket.destroyed) if (!request.socket.write(chunk)) return;
    };
    request.socket.on('drain', more);
    more();
  };

  it('a body of 300 MB is cut at 4 MiB', async () => {
    await refusesWithin(flood('HTTP/1.1 200 OK\r\n\r\n', Buffer.alloc(65_536, 0x20), 4800), 100);
  });

  it('a body that announces 300 MB is not read', async () => {
    await refusesWithin(flood('HTTP/1.1 200 OK\r\ncontent-length: 314572800\r\n\r\n', Buffer.alloc(65_536), 1), 100);
  });

  it('a header of 10 MB is cut', async () => {
    await refusesWithin(flood('HTTP/1.1 200 OK\r\nx-big: ', Buffer.alloc(65_536, 0x61), 160), 100);
  });

  it('a gzip bomb is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20), { level: 1 });
    await refusesWithin(send(httpReply({ headers: { 'content-encoding': 'gzip' }, body: bomb })), 100);
  });

  it('100,000 rows are refused', async () => {
    const body = gzipSync(JSON.stringify(klineRows(100_000)), { level: 1 });
    await refusesWithin(send(httpReply({ headers: { 'content-encoding': 'gzip' }, body })), 200);
  });

  it('JSON nested ten thousand deep yields no row', async () => {
    rig = await startRig(send(httpReply({ body: '['.repeat(10_000) + ']'.repeat(10_000) })));
    expect(await rig.klines()).toEqual({ rows: [], refused: { shape: 1 } });
  });
});

describe('X8: connections that break', () => {
  it('a kept-alive socket that is reset on reuse costs one retry, at once', async () => {
    const clock = new FakeClock();
    rig = await startRig(
      ({ socket, onSocket }) => {
        if (onSocket > 1) socket.resetAndDestroy();
        else socket.write(klinesReply());
      },
      { clock, window: 1 },
    );
    await rig.klines();
    // No time passes on the fake clock, so a backoff would never end.
    expect((await rig.klines()).rows.length).toBe(goodRows);
    expect(rig.client.stats()).toMatchObject({ total: 3, failed: 0, retried: 1 });
  });

  it.each([
    ['a reset', (request: HostileRequest) => void request.socket.resetAndDestroy()],
    ['an end without a reply', (request: HostileRequest) => void request.socket.end()],
  ])('%s every time is unreachable after the retries', async (_title, script) => {
    rig = await startRig(script);
    expect(await rig.kindOf(rig.klines())).toBe('unreachable');
    expect(rig.client.stats()).toMatchObject({ total: 3, failed: 1, retried: 2 });
  });

  it('a closed port is unreachable, and costs no weight', async () => {
    rig = await startRig(() => {});
    await rig.server.close();
    expect(await rig.kindOf(rig.klines())).toBe('unreachable');
    expect(rig.governor.weightUsed).toBe(0);
  });
});

describe('close', () => {
  it('fails what is under way and what comes later, and leaves no socket; twice is once', async () => {
    const clock = new FakeClock();
    rig = await startRig(() => {}, { clock });
    const pending = rig.kindOf(rig.klines());
    await until(() => rig.server.requests.length === 1);
    await Promise.all([rig.client.close(), rig.client.close()]);
    expect(await pending).toBe('unreachable');
    expect(await rig.kindOf(rig.klines())).toBe('unreachable');
    await until(() => rig.server.openSockets === 0);
    await rig.governor.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
