import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FaultRuleInput } from '../../../src/sim/faults/rule.js';
import { settled } from '../../support/fake-clock.js';
import { NOW, openRaw, startTestSim, type TestSim } from '../../support/sim.js';

// Closed candles only, so that the body does not depend on the clock, which these tests move.
const PATH = `/fapi/v1/klines?symbol=BTCUSDT&interval=5m&limit=10&endTime=${NOW - 3_600_000}`;
let sim: TestSim;
let regular: Buffer;
beforeAll(async () => {
  sim = await startTestSim();
  regular = (await sim.get(PATH)).bytes;
});
afterEach(() => sim.faults.clear());
afterAll(() => sim.stop());

const strike = (action: FaultRuleInput['action']) => sim.faults.add({ path: 'klines', action });

/** The reply's start, and its body as it comes. */
async function opened() {
  const sent = openRaw(sim.restUrl + PATH, {}, () => {});
  // What follows a body that is longer than announced fails the request after its reply has ended.
  sent.on('error', () => {});
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  let ended: 'end' | 'error' | null = null;
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  response.on('end', () => (ended = 'end'));
  response.on('error', () => (ended = 'error'));
  const received = () => Buffer.concat(chunks);
  const until = async (test: () => boolean) => {
    while (!test()) await settled();
  };
  return { sent, response, received, until, ended: () => ended };
}

describe('a reply that goes wrong on the wire', () => {
  it('is complete and too short', async () => {
    strike({ type: 'truncate', bytes: 57 });
    const reply = await sim.get(PATH);
    expect(reply.bytes).toEqual(regular.subarray(0, 57));
    expect(reply.headers['content-length']).toBe('57');
  });

  it('is cut off', async () => {
    strike({ type: 'cut', bytes: 100 });
    const { response, received, until, ended } = await opened();
    await until(() => ended() !== null);
    expect(ended()).toBe('error');
    expect(response.headers['content-length']).toBe(String(regular.length));
    expect(received()).toEqual(regular.subarray(0, 100));
  });

  it('stalls after its headers or after some bytes, until the client leaves', async () => {
    for (const bytes of [0, 200]) {
      strike({ type: 'stall', bytes });
      const { sent, received, until, ended } = await opened();
      await until(() => received().length === bytes);
      for (let turn = 0; turn < 50; turn++) await settled();
      await sim.clock.advance(600_000);
      expect([ended(), received().equals(regular.subarray(0, bytes))]).toEqual([null, true]);
      sent.destroy();
      sim.faults.clear();
    }
  });

  it('drips', async () => {
    strike({ type: 'drip', bytes: 400, everyMs: 300 });
    const { received, until, ended } = await opened();
    let size = 400;
    for (; size < regular.length; size += 400) {
      await until(() => received().length === size);
      await sim.clock.advance(299);
      expect(received().length).toBe(size);
      await sim.clock.advance(1);
    }
    await until(() => ended() !== null);
    expect([ended(), received().equals(regular)]).toEqual(['end', true]);
    expect(sim.clock.pendingTimers).toBe(0);
  });

  it('stops dripping when the client leaves', async () => {
    strike({ type: 'drip', bytes: 1, everyMs: 300 });
    const { sent, received, until } = await opened();
    await until(() => received().length === 1);
    expect(sim.clock.pendingTimers).toBe(1);
    sent.destroy();
    await until(() => sim.clock.pendingTimers === 0);
  });

  it('comes late', async () => {
    strike({ type: 'slow', delayMs: 8_000 });
    const reply = sim.get(PATH);
    while (sim.clock.pendingTimers === 0) await settled();
    await sim.clock.advance(7_999);
    expect(sim.clock.pendingTimers).toBe(1);
    await sim.clock.advance(1);
    expect((await reply).bytes).toEqual(regular);
  });

  it('never comes', async () => {
    strike({ type: 'noHeaders' });
    let answered = false;
    const sent = openRaw(sim.restUrl + PATH, {}, () => (answered = true));
    const failed = once(sent, 'error');
    const before = sim.stats().faulted;
    while (sim.stats().faulted === before) await settled();
    await sim.clock.advance(600_000);
    for (let turn = 0; turn < 50; turn++) await settled();
    expect(answered).toBe(false);
    sent.destroy(new Error('gave up'));
    await failed;
  });

  it('is a reset', async () => {
    strike({ type: 'reset' });
    await expect(sim.get(PATH)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('is as large as it says', async () => {
    strike({ type: 'huge', bytes: 3_000_000 });
    const { response, received, until, ended } = await opened();
    await until(() => ended() !== null);
    expect([response.headers['content-length'], received().length]).toEqual(['3000000', 3_000_000]);
    expect(received().subarray(0, 16).toString()).toBe('[[1767225600000,');
  });

  it('has a header of any size', async () => {
    strike({ type: 'hugeHeader', bytes: 100_000 });
    expect((await sim.get(PATH)).headers['x-filler']).toHaveLength(100_000);
  });

  it('has a content-length that is too long or too short', async () => {
    strike({ type: 'wrongLength', delta: 50 });
    const long = await opened();
    await long.until(() => long.ended() !== null);
    expect([long.ended(), long.received().equals(regular)]).toEqual(['error', true]);
    sim.faults.clear();
    strike({ type: 'wrongLength', delta: -50 });
    const short = await opened();
    await short.until(() => short.ended() !== null);
    expect(short.received()).toEqual(regular.subarray(0, -50));
  });
});
