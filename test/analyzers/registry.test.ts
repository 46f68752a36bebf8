import { describe, expect, it } from 'vitest';
import { builtInAnalyzers } from '../../src/analyzers/builtin/index.js';
import type { SymbolAnalyzer } from '../../src/analyzers/contract.js';
import { AnalyzerRegistry, describeAnalyzer } from '../../src/analyzers/registry.js';
import { ConfigError } from '../../src/domain/errors.js';
import { fakeAnalyzer } from '../support/analyzers.js';

const valid = fakeAnalyzer('mine', undefined, { parameters: { period: 14 } });
const overAll: SymbolAnalyzer = {
  kind: 'symbol',
  name: 'over-all',
  version: '0.1.0-beta.2+5',
  description: 'for a test',
  parameters: {},
  dependsOn: ['mine'],
  warmup: () => 1,
  analyze: () => null,
};

const namesOf = (registry: AnalyzerRegistry) => registry.enable().map(({ analyzer }) => analyzer.name);

describe('analyzer registry', () => {
  it('enables everything that is known unless told otherwise, symbol analyzers last', () => {
    const registry = new AnalyzerRegistry(builtInAnalyzers);
    registry.add(valid, '/plugins/mine.mjs');
    expect(namesOf(registry)).toEqual([
      'trend',
      'momentum',
      'macd',
      'squeeze',
      'donchian',
      'supertrend',
      'volume',
      'patterns',
      'mine',
      'confluence',
    ]);
  });

  it('describes an analyzer as plain data', () => {
    const registry = new AnalyzerRegistry([]);
    registry.add([valid, overAll], '/plugins/both.mjs');
    expect(
      registry.enable([{ name: 'mine', parameters: { period: 9 } }, { name: 'over-all' }]).map(describeAnalyzer),
    ).toEqual([
      {
        name: 'mine',
        kind: 'series',
        version: '1.0.0',
        description: 'for a test',
        parameters: { period: 9 },
        warmup: 1,
        dependsOn: [],
        origin: '/plugins/both.mjs',
      },
      {
        name: 'over-all',
        kind: 'symbol',
        version: '0.1.0-beta.2+5',
        description: 'for a test',
        parameters: {},
        warmup: 1,
        dependsOn: ['mine'],
        origin: '/plugins/both.mjs',
      },
    ]);
  });

  it.each<[string, unknown, RegExp]>([
    ['a number', 7, /is 7, not an analyzer/],
    ['null', null, /is null, not an analyzer/],
    ['an empty array', [], /exports no analyzer/],
    ['a name in capitals', { ...valid, name: 'Mine' }, /name is 'Mine', not lower case letters, digits and dashes/],
    [
      'a version of two numbers',
      { ...valid, version: '1.0' },
      /version is '1.0', not a semantic version such as 1.0.0/,
    ],
    ['no description', { ...valid, description: '' }, /description is '', not a sentence/],
    ['another kind', { ...valid, kind: 'market' }, /kind is 'market', not 'series' or 'symbol'/],
    ['no analyze', { ...valid, analyze: undefined }, /analyze is undefined, not a function/],
    [
      'parameters that are not numbers',
      { ...valid, parameters: { period: '14' } },
      /parameters.period is '14', not a finite/,
    ],
    ['a warm-up of half a candle', { ...valid, warmup: () => 0.5 }, /mine: warmup\(\) gave 0.5, not a whole number/],
    ['the name of a built-in', { ...valid, name: 'trend' }, /name 'trend' is already taken \(built-in\)/],
    ['its own name twice', [valid, valid], /name 'mine' is already taken/],
    ['an unknown dependency', overAll, /over-all depends on 'mine', which is not loaded before it/],
    ['dependencies that are no array', { ...overAll, dependsOn: 'mine' }, /dependsOn is 'mine', not an array of names/],
  ])('A5 refuses a module that exports %s', (_, exported, message) => {
    const registry = new AnalyzerRegistry(builtInAnalyzers);
    expect(() => registry.add(exported, '/plugins/bad.mjs')).toThrow(message);
    expect(namesOf(registry)).toHaveLength(9);
  });

  it('keeps none of a module of which one analyzer is refused', () => {
    const registry = new AnalyzerRegistry([]);
    expect(() => registry.add([valid, { ...valid, name: '!' }], '/plugins/half.mjs')).toThrow();
    expect(namesOf(registry)).toEqual([]);
  });

  it('keeps an analyzer as it was when it was added', () => {
    const mutable = { ...valid, parameters: { period: 14 } };
    const registry = new AnalyzerRegistry([]);
    registry.add(mutable, '/plugins/mutable.mjs');
    Object.assign(mutable, { name: 'other', version: 'x', analyze: null });
    mutable.parameters.period = 1;
    expect(registry.enable().map(describeAnalyzer)).toMatchObject([
      { name: 'mine', version: '1.0.0', parameters: { period: 14 } },
    ]);
  });

  it('calls the methods of a class instance on the instance', () => {
    class Counting {
      readonly kind = 'series';
      readonly name = 'counting';
      readonly version = '1.0.0';
      readonly description = 'for a test';
      readonly parameters = {};
      readonly #need = 5;
      warmup() {
        return this.#need;
      }
      analyze() {
        return null;
      }
    }
    const registry = new AnalyzerRegistry([]);
    registry.add(new Counting(), '/plugins/counting.mjs');
    expect(registry.enable()[0]?.warmup).toBe(5);
  });

  it.each<[string, Parameters<AnalyzerRegistry['enable']>[0], string]>([
    [
      'an unknown name',
      [{ name: 'trend' }, { name: 'x' }],
      "analyzers.enabled[1]: unknown analyzer 'x'; known are trend,",
    ],
    ['a name twice', [{ name: 'trend' }, { name: 'trend' }], "analyzers.enabled[1]: 'trend' is listed twice"],
    [
      'an unknown parameter',
      [{ name: 'trend', parameters: { quick: 3 } }],
      "analyzers.enabled[0].parameters: 'trend' has no parameter 'quick'; it has fast, slow, adx, minAdx",
    ],
    [
      'a parameter that is not finite',
      [{ name: 'trend', parameters: { fast: Number.NaN } }],
      'analyzers.enabled[0].parameters.fast: found NaN, allowed is a finite number',
    ],
    [
      'parameters that do not fit each other',
      [{ name: 'trend', parameters: { fast: 30 } }],
      'analyzers.enabled[0].parameters: fast is 30, allowed is less than slow (21)',
    ],
    [
      'a symbol analyzer with nothing to read',
      [{ name: 'confluence' }],
      "analyzers.enabled[0]: 'confluence' has nothing to read; enable at least one of trend,",
    ],
  ])('refuses %s, saying where and what is allowed', (_, enabled, message) => {
    const enable = () => new AnalyzerRegistry(builtInAnalyzers).enable(enabled);
    expect(enable).toThrow(ConfigError);
    expect(enable).toThrow(message);
  });

  it('leaves out unknown names when they may belong to a module that was refused', () => {
    const registry = new AnalyzerRegistry(builtInAnalyzers);
    const enabled = [{ name: 'from-a-refused-module' }, { name: 'volume' }, { name: 'confluence' }];
    expect(registry.enable(enabled, { lenient: true }).map(({ analyzer }) => analyzer.name)).toEqual([
      'volume',
      'confluence',
    ]);
  });
});
