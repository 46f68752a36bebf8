import { describe, expect, it } from 'vitest';
import type { PoolEvent } from '../../src/analyzers/pool.js';
import type { Analyzers } from '../../src/daemon/analyzers.js';
import { Instruments } from '../../src/daemon/instruments.js';
import { WeightGovernor } from '../../src/pipeline/exchange/governor.js';
import { FakeClock } from '../support/fake-clock.js';

const REPLACED: PoolEvent = { type: 'replaced', cause: 'crashed' };

describe('Instruments', () => {
  it('takes an event of analyzers that are still being loaded, and counts those that come after', async () => {
    const governor = new WeightGovernor({ clock: new FakeClock(), random: () => 0.5, share: 0.8 });
    const instruments = new Instruments(governor, { version: '1.2.3', timeframes: ['5m'] });
    instruments.onAnalyzerEvent({ type: 'refused', file: 'x.mjs', reason: 'broken' });
    const analyzers = { quarantined: [], refused: [{ file: 'x.mjs', reason: 'broken' }] } as unknown as Analyzers;
    instruments.watchAnalyzers(['trend'], () => analyzers);
    instruments.onAnalyzerEvent(REPLACED);
    const { body } = await instruments.registry.scrape();
    expect(body).toMatch(/^candlescan_analyzer_workers_replaced_total 1$/m);
    expect(body).toMatch(/^candlescan_analyzer_modules_refused 1$/m);
    await governor.stop();
  });

  it('counts what was answered over REST once the market is watched, and loses nothing but counts before', () => {
    const governor = new WeightGovernor({ clock: new FakeClock(), random: () => 0.5, share: 0.8 });
    const { onAnswered } = new Instruments(governor, { version: '1.2.3', timeframes: ['5m'] });
    const outcome = { added: 1, revised: 0, refused: new Map(), skip: null, gap: 'none', cutBy: null } as const;
    expect(() => onAnswered('rest', { symbol: 'AUSDT', timeframe: '5m', ...outcome })).not.toThrow();
  });
});
