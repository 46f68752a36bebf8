import { describe, expect, it } from 'vitest';
import { confluence } from '../../../src/analyzers/builtin/confluence.js';
import type { SeriesAnalyzer } from '../../../src/analyzers/contract.js';
import { AnalyzerRegistry } from '../../../src/analyzers/registry.js';
import type { Direction, Finding } from '../../../src/domain/signal.js';
import type { Timeframe } from '../../../src/domain/timeframe.js';
import { closingAt, fakeAnalyzer, mirrored, opinion, run, type Shape, windowOf } from '../../support/analyzers.js';

const rising = closingAt(Array.from({ length: 120 }, (_, i) => 200 + i * 0.3 + (i % 2)));
const falling = mirrored(rising);

type Says = Readonly<Partial<Record<Timeframe, Direction>>>;

/** What confluence says when these analyzers say this of the newest candles. */
function confluenceOf(
  says: Readonly<Record<string, Says>>,
  markets: Readonly<Partial<Record<Timeframe, readonly Shape[]>>>,
): Finding | undefined {
  const registry = new AnalyzerRegistry([]);
  for (const name of confluence.dependsOn) {
    const analyze: SeriesAnalyzer['analyze'] = ({ timeframe }) => {
      const direction = says[name]?.[timeframe];
      return direction === undefined ? null : opinion({ direction, strength: 0.6 });
    };
    registry.add(fakeAnalyzer(name, analyze), 'built-in');
  }
  registry.add(confluence, 'built-in');
  const series = Object.entries(markets).map(([timeframe, shapes]) =>
    windowOf(shapes, 'BTCUSDT', timeframe as Timeframe),
  );
  const { findings, failures } = run(registry.enable(), ...series);
  expect(failures).toEqual([]);
  return findings.find(({ analyzer }) => analyzer === 'confluence');
}

const up = { '5m': falling, '15m': rising, '1h': rising } as const;
const down = { '5m': rising, '15m': falling, '1h': falling } as const;

describe('confluence', () => {
  it('is long where two analyzers agree with the trend of all longer timeframes, whatever their own does', () => {
    const found = confluenceOf({ donchian: { '5m': 'long' }, volume: { '5m': 'long' } }, up);
    expect(found).toMatchObject({ direction: 'long', timeframe: '5m' });
    expect(found?.reasons).toEqual(['2 analyzers agree: donchian, volume', 'The trend of 15m and 1h is up (EMA 9/21)']);
    expect(found?.strength).toBeCloseTo(1 - 0.7 * 0.7, 12);
  });

  it('is short on the mirrored market', () => {
    const found = confluenceOf({ donchian: { '5m': 'short' }, volume: { '5m': 'short' } }, down);
    expect(found).toMatchObject({ direction: 'short', timeframe: '5m' });
    expect(found?.strength).toBeCloseTo(1 - 0.7 * 0.7, 12);
  });

  it('lets the timeframe with more findings speak', () => {
    const found = confluenceOf(
      { donchian: { '5m': 'long', '15m': 'long' }, volume: { '5m': 'long', '15m': 'long' }, macd: { '15m': 'long' } },
      up,
    );
    expect(found).toMatchObject({
      timeframe: '15m',
      reasons: ['3 analyzers agree: macd, donchian, volume', expect.any(String)],
    });
  });

  it.each<[string, Parameters<typeof confluenceOf>]>([
    ['one analyzer alone', [{ donchian: { '5m': 'long' } }, up]],
    ['two that disagree', [{ donchian: { '5m': 'long' }, volume: { '5m': 'long' }, macd: { '5m': 'short' } }, up]],
    ['two on different timeframes', [{ donchian: { '5m': 'long' }, volume: { '15m': 'long' } }, up]],
    ['two against the longer trends', [{ donchian: { '5m': 'long' }, volume: { '5m': 'long' } }, down]],
    [
      'longer trends that disagree',
      [
        { donchian: { '5m': 'long' }, volume: { '5m': 'long' } },
        { ...up, '1h': falling },
      ],
    ],
    ['the longest timeframe, which has none above it', [{ donchian: { '1h': 'long' }, volume: { '1h': 'long' } }, up]],
    ['a single timeframe', [{ donchian: { '5m': 'long' }, volume: { '5m': 'long' } }, { '5m': rising }]],
  ])('says nothing of %s', (_, given) => {
    expect(confluenceOf(...given)).toBeUndefined();
  });

  it('leaves out a longer timeframe with too few candles for its averages', () => {
    const found = confluenceOf(
      { donchian: { '5m': 'long' }, volume: { '5m': 'long' } },
      { ...up, '1h': falling.slice(0, 40) },
    );
    expect(found?.reasons[1]).toBe('The trend of 15m is up (EMA 9/21)');
  });
});
