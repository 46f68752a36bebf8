import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { startRig } from '../../support/hostile-client.js';
import { goodRows, type HostileRequest, klineRows, klinesReply, send } from '../../support/hostile-server.js';
import { until } from '../../support/stream-server.js';

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
    const rig = await startRig(script, { requestTimeoutMs: TIMEOUT });
    expect(await rig.kindOf(rig.klines())).toBe('deadline');
    await until(() => rig.server.requests.every(({ socket }) => socket.destroyed));
    expect(rig.events.map((event) => event.outcome)).toEqual(['deadline', 'deadline', 'deadline']);
    rig.server.answer(send(klinesReply()));
    expect((await rig.klines()).rows.length).toBe(goodRows);
  });

  it('a full window of stalled requests gives every slot back', async () => {
    const rig = await startRig(() => {}, { requestTimeoutMs: TIMEOUT, window: 4 });
    const kinds = await Promise.all(Array.from({ length: 8 }, () => rig.kindOf(rig.klines())));
    expect(kinds.every((kind) => kind === 'deadline' || kind === 'circuitOpen')).toBe(true);
    await until(() => rig.server.requests.every(({ socket }) => socket.destroyed));
  });

  it('a status that says enough is believed even when its body never ends', async () => {
    const rig = await startRig(
      ({ socket }) => void socket.write('HTTP/1.1 418 Teapot\r\nretry-after: 60\r\ncontent-length: 500\r\n\r\n{'),
      { requestTimeoutMs: TIMEOUT },
    );
    expect(await rig.kindOf(rig.klines())).toBe('banned');
    expect(rig.governor.closedForMs).toBeGreaterThan(50_000);
  });

  it('a peer that takes the connection and never reads it ends at the deadline, 10 s by the clock', async () => {
    const clock = new FakeClock();
    const rig = await startRig(() => {}, { clock, requestTimeoutMs: 10_000 });
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
    const rig = await startRig(() => {});
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

describe('X8: connections that break', () => {
  it('a kept-alive socket that is reset on reuse costs one retry, at once', async () => {
    const clock = new FakeClock();
    const rig = await startRig(
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
    const rig = await startRig(script);
    expect(await rig.kindOf(rig.klines())).toBe('unreachable');
    expect(rig.client.stats()).toMatchObject({ total: 3, failed: 1, retried: 2 });
  });

  it('a closed port is unreachable, and costs no weight', async () => {
    const rig = await startRig(() => {});
    await rig.server.close();
    expect(await rig.kindOf(rig.klines())).toBe('unreachable');
    expect(rig.governor.weightUsed).toBe(0);
  });
});

describe('close', () => {
  it('fails what is under way and what comes later, and leaves no socket; twice is once', async () => {
    const clock = new FakeClock();
    const rig = await startRig(() => {}, { clock });
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
