import { describe, expect, it } from 'vitest';
import type { Market } from '../../src/daemon/market.js';
import { openRelief } from '../../src/daemon/relief.js';
import type { LogMethod } from '../../src/lib/log.js';
import { FakeClock } from '../support/fake-clock.js';
import { silentLog } from '../support/silent-log.js';

/** A process of 100 bytes at most; `use` sets what it takes, and lets the readings of a minute pass. */
function build({ hasMarket = true, flush = async () => {} } = {}) {
  const clock = new FakeClock();
  const did: string[] = [];
  const told: string[] = [];
  let rssBytes = 10;
  const note =
    (level: string): LogMethod =>
    (...args: readonly unknown[]) =>
      void told.push(`${level}: ${String(args.at(-1))}`);
  const market = {
    cache: { flush: () => (did.push('flush'), flush()) },
    deepening: {
      pause: (by: string) => void did.push(`pause for ${by}`),
      resume: (by: string) => void did.push(`resume for ${by}`),
    },
  } as unknown as Market;
  const guard = openRelief({
    limitBytes: 100,
    clock,
    log: { ...silentLog(), info: note('info'), warn: note('warn'), error: note('error') },
    results: { clear: () => void did.push('clear') },
    market: () => (hasMarket ? market : null),
    onRestartWanted: () => void did.push('restart'),
    probe: () => ({ rssBytes }),
  });
  const use = async (bytes: number) => {
    rssBytes = bytes;
    await clock.advance(60_000);
    return did.splice(0);
  };
  return { clock, guard, told, use };
}

describe('openRelief', () => {
  it('gives up results and unsaved copies first, then background work, then the process, and takes work up again', async () => {
    const { guard, use, told } = build();
    expect(await use(79)).toEqual([]);
    expect(await use(85)).toEqual(['clear', 'flush']);
    expect(await use(105)).toEqual(['pause for memory']);
    expect(await use(125)).toEqual(['restart']);
    expect(await use(50)).toEqual(['resume for memory']);
    expect(await use(85)).toEqual(['clear', 'flush']);
    expect(told).toEqual([
      ...[1, 2, 3].map((level) => `warn: memory pressure rose to ${level}`),
      ...[2, 1, 0].map((level) => `info: memory pressure fell to ${level}`),
      'warn: memory pressure rose to 1',
    ]);
    await guard.stop();
  });

  it('goes through all levels when memory jumps, each once', async () => {
    const { guard, use } = build();
    expect(await use(200)).toEqual(['clear', 'flush', 'pause for memory', 'restart']);
    await guard.stop();
  });

  it('gives back what it can before there is a market', async () => {
    const { guard, use, told } = build({ hasMarket: false });
    expect(await use(125)).toEqual(['clear', 'restart']);
    expect(told).not.toContain('error: memory could not be given back');
    await guard.stop();
  });

  it('tells when something could not be given back, and goes on with the rest', async () => {
    const { guard, use, told } = build({ flush: () => Promise.reject(new Error('disk')) });
    expect(await use(105)).toEqual(['clear', 'flush', 'pause for memory']);
    expect(told).toContain('error: memory could not be given back');
    await guard.stop();
  });

  it('leaves no timer when it is stopped', async () => {
    const { clock, guard, use } = build();
    await use(105);
    await guard.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
