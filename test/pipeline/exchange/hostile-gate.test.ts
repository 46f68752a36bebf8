import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { startRig } from '../../support/hostile-client.js';
import { fail, goodRows, httpReply, klinesReply, send } from '../../support/hostile-server.js';
import { until } from '../../support/stream-server.js';

describe('X1: 429', () => {
  it('on one of 64 holds back everything until Retry-After, then the one is retried and all succeed', async () => {
    const clock = new FakeClock();
    const rig = await startRig(send(klinesReply(3, { 'x-mbx-used-weight-1m': '1' })), { clock });
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
    const rig = await startRig(fail(429, '{"code":-1003,"msg":"Too many requests"}', { 'retry-after': '7' }), {
      clock,
    });
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
    const rig = await startRig(send(klinesReply()), { clock, window: 1 });
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
    const rig = await startRig(() => {}, {
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
    const rig = await startRig(send(klinesReply()), { clock, governor: { closedUntil: clock.now() + 120_000 } });
    const aborter = new AbortController();
    const waiting = rig.klines({}, aborter.signal);
    await clock.advance(100_000);
    expect(rig.server.requests.length).toBe(0);
    const reason = new Error('the cycle is over');
    aborter.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
