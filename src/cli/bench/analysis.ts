import { compareWithTechnicalIndicators, type IndicatorComparison } from '../../analyzers/indicators/benchmark.js';

// A process of its own: what another measurement left behind in the compiler must not count.

export interface AnalysisTask {
  readonly series: number;
}

export type AnalysisResult = IndicatorComparison;

process.once('message', (task) => {
  const { series } = task as AnalysisTask;
  const result = compareWithTechnicalIndicators({ series, length: 300, seed: 1 });
  process.send?.(result, () => process.disconnect());
});
