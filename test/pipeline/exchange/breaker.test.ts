import { describe, expect, it } from 'vitest';
import { ExchangeError, type ExchangeErrorKind } from '../../../src/domain/errors.js';
import { Breaker } from '../../../src/pipeline/exchange/breaker.js';
import { FakeClock } from '../../support/fake-clock.js';

const signal = new AbortController().signal;

class Rig {
  readonly clock = new FakeClock();
  readonly breaker = new Breaker(this.clock);

  fail(kind: ExchangeErrorKind, code?: string): Promise<unknown> {
    const error = new ExchangeError(kind, 'made up', { cause: { code } });
    return this.breaker.run(() => Promise.reject(error), signal).catch(() => undefined);
  }

  succeed(): Promise<unknown> {
    return this.breaker.run(() => Promise.resolve('fine'), signal);
  }

  /** Fails until the circuit opens, and then every probe; returns how long each break was, in seconds. */
  async breaks(count: number, kind: ExchangeErrorKind, code?: string): Promise<number[]> {
    for (let failure = 0; failure < 12; failure++) await this.fail(kind, code);
    const seconds: number[] = [];
    while (seconds.length < count) {
      const from = this.clock.monotonic();
      while (this.breaker.isOpen) await this.clock.advance(500);
      seconds.push((this.clock.monotonic() - from) / 1_000);
      await this.fail(kind, code);
    }
    return seconds;
  }
}

describe('Breaker', () => {
  it('opens after twelve failures in a row, and not when something came in between', async () => {
    const rig = new Rig();
    for (let failure = 0; failure < 11; failure++) await rig.fail('unavailable');
    await rig.succeed();
    for (let failure = 0; failure < 11; failure++) await rig.fail('deadline');
    expect(rig.breaker.isOpen).toBe(false);
    await rig.fail('deadline');
    expect(rig.breaker.isOpen).toBe(true);
  });

  it('X15: doubles its break with every probe that fails, up to two minutes', async () => {
    expect(await new Rig().breaks(7, 'unavailable')).toEqual([5, 10, 20, 40, 80, 118, 118]);
  });

  it.each(['EAI_AGAIN', 'ENOTFOUND', 'ENETUNREACH'])(
    'X9: keeps its break at 5 s while nothing leaves the machine (%s)',
    async (code) => {
      expect(await new Rig().breaks(8, 'unreachable', code)).toEqual(Array(8).fill(5));
    },
  );

  it('X8: takes a port that refuses for an exchange that is ill', async () => {
    expect(await new Rig().breaks(3, 'unreachable', 'ECONNREFUSED')).toEqual([5, 10, 20]);
  });
});
