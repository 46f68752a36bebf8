import { describe, expect, it } from 'vitest';
import { ResultCache } from '../../src/cache/results.js';
import { type KeptResults, RememberedAnalysis, type SymbolResult } from '../../src/scheduler/remembered-analysis.js';
import { settled } from '../support/fake-clock.js';
import { analyzerInfo, deferred, FakePool, SLOT, seriesAt } from '../support/slots.js';

function build() {
  const pool = new FakePool();
  const results = new ResultCache<SymbolResult>({ maxEntries: 100 });
  const analysis = new RememberedAnalysis({ pool, results });
  const analyze = (...windows: ReturnType<typeof at>[]) => analysis.analyze({ slot: SLOT, series: windows });
  return { pool, results, analysis, analyze };
}

const at = (symbol: string, close = 101) => seriesAt(symbol, '5m', close).window();

describe('RememberedAnalysis', () => {
  it('analyzes the same candles once, be they in another buffer', async () => {
    const { pool, analyze, results } = build();
    const first = await analyze(at('AUSDT'), at('BUSDT'));
    const second = await analyze(at('BUSDT'), at('AUSDT'));
    expect(pool.asked).toEqual([['AUSDT', 'BUSDT']]);
    expect(second.findings).toEqual(first.findings.toReversed());
    expect(results.stats()).toMatchObject({ hits: 2, misses: 2, entries: 2 });
  });

  it('asks for those symbols of a batch only whose candles are others', async () => {
    const { pool, analyze } = build();
    await analyze(at('AUSDT'), at('BUSDT'));
    const { findings } = await analyze(at('AUSDT'), at('BUSDT', 99));
    expect(pool.asked).toEqual([['AUSDT', 'BUSDT'], ['BUSDT']]);
    expect(findings.map(({ symbol, direction }) => [symbol, direction])).toEqual([
      ['AUSDT', 'long'],
      ['BUSDT', 'short'],
    ]);
  });

  it('takes all timeframes of a symbol together: another one more is another question', async () => {
    const { pool, analyze } = build();
    await analyze(at('AUSDT'));
    await analyze(at('AUSDT'), seriesAt('AUSDT', '15m', 101).window());
    expect(pool.batches.map(({ series }) => series.length)).toEqual([1, 2]);
  });

  it('says of a series that has not changed what its analyzers found, and leaves out who reads several', async () => {
    const { pool, analyze } = build();
    pool.analyzers = [analyzerInfo('trend'), analyzerInfo('confluence', { kind: 'symbol', dependsOn: ['trend'] })];
    const longer = seriesAt('AUSDT', '15m', 99);
    await analyze(at('AUSDT'), longer.window());
    await analyze(at('AUSDT', 102), longer.window());
    const known = pool.batches.map((batch) => batch.known?.map(({ timeframe, findings }) => [timeframe, findings]));
    expect(known).toEqual([[], [['15m', [expect.objectContaining({ analyzer: 'trend', direction: 'short' })]]]]);
    expect(pool.batches[1]?.series.map(({ timeframe }) => timeframe)).toEqual(['5m', '15m']);
  });

  it('remembers nothing of a batch in which an analyzer failed', async () => {
    const { pool, analyze } = build();
    pool.failures = [{ analyzer: 'trend', reason: 'threw', message: 'no', count: 1 }];
    expect((await analyze(at('AUSDT'))).findings).toEqual([]);
    pool.failures = [];
    expect((await analyze(at('AUSDT'))).findings).toHaveLength(1);
    expect(pool.batches).toHaveLength(2);
  });

  it('remembers nothing of a batch that an analyzer was kept away from, even when it is back before the batch is', async () => {
    const { pool, analyze } = build();
    pool.analyzers = [analyzerInfo('trend'), analyzerInfo('macd')];
    pool.kept = ['macd'];
    const back = deferred();
    pool.before = () => back.promise;
    const first = analyze(at('AUSDT'));
    await settled();
    pool.kept = [];
    back.resolve();
    expect((await first).findings.map(({ analyzer }) => analyzer)).toEqual(['trend']);
    expect((await analyze(at('AUSDT'))).findings.map(({ analyzer }) => analyzer)).toEqual(['trend', 'macd']);
  });

  it('remembers nothing of a batch that failed as a whole', async () => {
    const { pool, analyze } = build();
    pool.before = () => Promise.reject(new Error('no worker'));
    await expect(analyze(at('AUSDT'))).rejects.toThrow('no worker');
    pool.before = async () => {};
    expect((await analyze(at('AUSDT'))).findings).toHaveLength(1);
  });

  it.each([
    ['another version', [analyzerInfo('trend', { version: '1.0.1' })]],
    ['another parameter', [analyzerInfo('trend', { parameters: { fast: 5 } })]],
    ['one more', [analyzerInfo('trend'), analyzerInfo('macd')]],
  ])('asks anew when a reload brought %s', async (_, analyzers) => {
    const { pool, analyze } = build();
    await analyze(at('AUSDT'));
    pool.analyzers = analyzers;
    const { findings } = await analyze(at('AUSDT'));
    expect(pool.batches).toHaveLength(2);
    expect(findings).toHaveLength(analyzers.length);
  });

  it('knows the results again when a reload brought the same analyzers in whatever order', async () => {
    const { pool, analyze } = build();
    pool.analyzers = [analyzerInfo('trend'), analyzerInfo('macd')];
    await analyze(at('AUSDT'));
    pool.analyzers = [analyzerInfo('macd'), analyzerInfo('trend')];
    await analyze(at('AUSDT'));
    expect(pool.batches).toHaveLength(1);
  });

  it('names in `runs` everyone who had a say about all of the batch', async () => {
    const { pool, analyze } = build();
    pool.analyzers = [analyzerInfo('trend'), analyzerInfo('macd')];
    const ran = (result: Awaited<ReturnType<typeof analyze>>) => result.runs.map(({ analyzer }) => analyzer);
    expect(ran(await analyze(at('AUSDT')))).toEqual(['trend', 'macd']);
    expect(ran(await analyze(at('AUSDT')))).toEqual(['trend', 'macd']);
    pool.kept = ['macd'];
    expect(ran(await analyze(at('AUSDT'), at('BUSDT')))).toEqual(['trend']);
  });

  it('keeps what was said last of each symbol for another process, and is asked there for what changed only', async () => {
    const first = build();
    const analyzers = [analyzerInfo('trend'), analyzerInfo('confluence', { kind: 'symbol', dependsOn: ['trend'] })];
    first.pool.analyzers = analyzers;
    const longer = seriesAt('AUSDT', '15m', 99);
    await first.analyze(at('AUSDT', 99), longer.window());
    const before = await first.analyze(at('AUSDT'), longer.window(), at('BUSDT'));
    const kept = JSON.parse(JSON.stringify(first.analysis.takeUnkept())) as KeptResults;
    const inputs = kept.symbols.map(([symbol, known]) => [symbol, known.inputs.length] as const);
    expect(new Map(inputs)).toEqual(new Map(Object.entries({ AUSDT: 2, BUSDT: 1 })));

    const second = build();
    second.pool.analyzers = analyzers;
    second.analysis.restore(kept);
    const after = await second.analyze(at('AUSDT'), longer.window(), at('BUSDT'));
    expect(second.pool.asked).toEqual([]);
    expect(new Set(after.findings)).toEqual(new Set(before.findings));
    expect(second.analysis.takeUnkept()).toBeNull();

    await second.analyze(at('AUSDT', 102), longer.window(), at('BUSDT'));
    expect(second.pool.batches.map(({ series, known }) => [series.length, known?.length])).toEqual([[2, 1]]);
    expect(second.analysis.takeUnkept()?.symbols).toHaveLength(2);
  });

  it('takes nothing over from other analyzers, nor from no process', async () => {
    const first = build();
    await first.analyze(at('AUSDT'));
    const kept = first.analysis.takeUnkept();
    for (const analyzers of [[analyzerInfo('trend', { version: '2.0.0' })], [analyzerInfo('macd')]]) {
      const second = build();
      second.pool.analyzers = analyzers;
      second.analysis.restore(kept);
      second.analysis.restore(null);
      await second.analyze(at('AUSDT'));
      expect(second.pool.asked).toEqual([['AUSDT']]);
    }
  });

  it('keeps nothing that was taken already, that failed, or that an analyzer of others had its say in', async () => {
    const { pool, analysis, analyze } = build();
    expect(analysis.takeUnkept()).toBeNull();
    pool.failures = [{ analyzer: 'trend', reason: 'threw', message: 'no', count: 1 }];
    await analyze(at('AUSDT'));
    expect(analysis.takeUnkept()).toBeNull();
    pool.failures = [];
    await analyze(at('AUSDT'));
    expect(analysis.takeUnkept()?.symbols).toHaveLength(1);
    await analyze(at('AUSDT'));
    expect(analysis.takeUnkept()).toBeNull();
    pool.analyzers = [analyzerInfo('trend'), analyzerInfo('foreign', { origin: 'foreign.mjs' })];
    await analyze(at('AUSDT'));
    expect(analysis.takeUnkept()).toBeNull();
  });

  it('hands on the signal that ends an analysis', async () => {
    const { pool, analysis } = build();
    const stop = new AbortController();
    pool.before = async () => stop.abort(new Error('too late'));
    await expect(analysis.analyze({ slot: SLOT, series: [at('AUSDT')] }, stop.signal)).rejects.toThrow('too late');
  });

  it('has no question about nothing', async () => {
    const { pool, analyze } = build();
    expect((await analyze()).findings).toEqual([]);
    expect(pool.batches).toEqual([]);
  });
});
