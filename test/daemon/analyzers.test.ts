import { describe, expect, it, onTestFinished } from 'vitest';
import type { PoolEvent } from '../../src/analyzers/pool.js';
import { Analyzers } from '../../src/daemon/analyzers.js';
import { ConfigError } from '../../src/domain/errors.js';
import { systemClock } from '../../src/lib/clock.js';
import { fixture, workerUrl } from '../support/analyzer-worker.js';
import { SLOT, seriesAt } from '../support/slots.js';

const TREND = { workers: 1, budgetMs: 5_000, enabled: [{ name: 'trend' }], paths: [] };

async function start(settings = TREND) {
  const events: PoolEvent['type'][] = [];
  const onEvent = ({ type }: PoolEvent) => void events.push(type);
  const analyzers = await Analyzers.start(settings, { clock: systemClock, workerUrl, onEvent });
  onTestFinished(() => analyzers.close());
  return { analyzers, events };
}

const namesOf = ({ analyzers }: Analyzers) => analyzers.map(({ name }) => name);
const BATCH = { slot: SLOT, series: [seriesAt('AUSDT', '5m', 101).window()] };

describe('Analyzers', () => {
  it('puts others in place of those that run, which go on telling what happens to them', async () => {
    const { analyzers, events } = await start();
    expect(namesOf(analyzers)).toEqual(['trend']);
    await analyzers.replace({ ...TREND, enabled: [{ name: 'macd' }], paths: [fixture('missing.mjs')] });
    expect(namesOf(analyzers)).toEqual(['macd']);
    expect(events).toEqual(['refused']);
    const { runs } = await analyzers.analyze(BATCH);
    expect(runs.map(({ analyzer }) => analyzer)).toEqual(['macd']);
  });

  it('keeps those that run when the others cannot be had', async () => {
    const { analyzers } = await start();
    await expect(analyzers.replace({ ...TREND, enabled: [{ name: 'nonsense' }] })).rejects.toThrow(ConfigError);
    const { runs } = await analyzers.analyze(BATCH);
    expect(runs.map(({ analyzer }) => analyzer)).toEqual(['trend']);
  });

  it('ends those that were still being loaded when it was closed', async () => {
    const { analyzers } = await start();
    const replaced = analyzers.replace({ ...TREND, enabled: [{ name: 'macd' }] });
    await analyzers.close();
    await replaced;
    expect(namesOf(analyzers)).toEqual(['trend']);
    await expect(analyzers.analyze(BATCH)).rejects.toThrow('closed');
  });

  it('needs as many candles as the least demanding analyzer of a series', async () => {
    const { analyzers } = await start({ ...TREND, enabled: [{ name: 'trend' }, { name: 'donchian' }] });
    const warmups = analyzers.analyzers.map(({ warmup }) => warmup);
    expect(analyzers.leastWarmup).toBe(Math.min(...warmups));
  });
});
