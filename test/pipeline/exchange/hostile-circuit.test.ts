import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { type Rig, startRig } from '../../support/hostile-client.js';
import { fail, goodRows, type HostileRequest, httpReply, klinesReply, send } from '../../support/hostile-server.js';
import { until } from '../../support/stream-server.js';

describe('X3: an exchange that is ill', () => {
  it.each([403, 408, 500, 502, 503, 504])(
    '%i is retried twice with backoff and then fails as unavailable',
    async (status) => {
      const clock = new FakeClock();
      const rig = await startRig(fail(status, '<html>'), { clock });
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
    const rig = await startRig(fail(503, '{"code":-1016,"msg":"Service is under maintenance."}'), { clock });
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

  const urgent = ({ client }: Rig) =>
    client.klines({ symbol: 'BTCUSDT', timeframe: '5m', limit: 3 }, { lane: 'urgent' });
  const isBulk = ({ path }: HostileRequest) => path.includes('symbol=BULK');

  it('breaks the circuit of the lane that fails, and of no other', async () => {
    const clock = new FakeClock();
    const rig = await startRig(
      (request) => void request.socket.write(isBulk(request) ? httpReply({ status: 503 }) : klinesReply()),
      { clock },
    );
    const failing = Promise.all(Array.from({ length: 12 }, () => rig.kindOf(rig.klines({ symbol: 'BULKUSDT' }))));
    while (rig.client.stats().failed < 12) await clock.advance(100);
    await failing;
    expect(await rig.kindOf(rig.klines())).toBe('circuitOpen');
    expect((await urgent(rig)).rows.length).toBe(goodRows);
  });

  it('serves the urgent lane while every socket of the bulk lane hangs', async () => {
    // On a clock that stands still no deadline frees a socket.
    const clock = new FakeClock();
    const script = (request: HostileRequest) => void (isBulk(request) || request.socket.write(klinesReply()));
    const rig = await startRig(script, { clock, window: 4 });
    const aborter = new AbortController();
    const hanging = Array.from({ length: 8 }, () => rig.klines({ symbol: 'BULKUSDT' }, aborter.signal));
    await until(() => rig.server.requests.length === 4);
    expect((await urgent(rig)).rows.length).toBe(goodRows);
    aborter.abort(new Error('the cycle is over'));
    const ends = await Promise.allSettled(hanging);
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
  });

  it('probes an exchange that stays ill once in two minutes and lane, and not less often', async () => {
    const clock = new FakeClock();
    const rig = await startRig(fail(503), { clock });
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
    const rig = await startRig(fail(400, '{"code":-1001,"msg":"Disconnected"}'), { clock });
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
    const rig = await startRig(fail(400, '{"code":-1121,"msg":"Invalid symbol."}'));
    for (let index = 0; index < 30; index++) expect(await rig.kindOf(rig.klines())).toBe('badSymbol');
    expect(rig.client.stats()).toMatchObject({ total: 30, retried: 0, failed: 30 });
  });
});

describe('X4: bad payloads of single symbols', () => {
  const script = ({ path, socket }: HostileRequest) =>
    void socket.write(path.includes('symbol=BAD') ? httpReply({ body: '<html>' }) : klinesReply());
  const bad = (rig: Rig) => rig.kindOf(rig.klines({ symbol: 'BADUSDT' }));

  it('do not count against the exchange while other symbols are served', async () => {
    const clock = new FakeClock();
    const rig = await startRig(script, { clock });
    await rig.klines();
    const kinds = Promise.all(Array.from({ length: 30 }, () => bad(rig)));
    while (rig.client.stats().failed < 30) await clock.advance(50);
    expect(new Set(await kinds)).toEqual(new Set(['badPayload']));
    expect((await rig.klines()).rows.length).toBe(goodRows);
  });

  it('open the circuit when nothing else has come for 5 s', async () => {
    const clock = new FakeClock();
    const rig = await startRig(script, { clock });
    await rig.klines();
    await clock.advance(5_000);
    const kinds = Promise.all(Array.from({ length: 30 }, () => bad(rig)));
    while (rig.client.stats().failed < 30) await clock.advance(50);
    await kinds;
    expect(await rig.kindOf(rig.klines())).toBe('circuitOpen');
  });
});
