// The bounds on speed and memory. Times are judged as ratios to the floor of the same run, so that a slow machine
// does not fail and a fast one does not hide a regression. Ends with exit code 1 when a bound is broken.
import { bench, summaryOf } from './run.mjs';

const report = bench('--runs', process.argv[2] ?? '5', '--latency-ms', '100');
const cold = summaryOf(report, 'cold');
const stream = summaryOf(report, 'stream');
const bounds = [
  ['cold scan / floor', report.ratios.coldToFloor, '<=', 1.35],
  ['process / floor', report.ratios.processToFloor, '<=', 2],
  ['technicalindicators / kernels', report.ratios.technicalIndicatorsToKernels, '>=', 50],
  ['peak memory, MB', cold.maxRssBytes / 1e6, '<=', 250],
  ['event-loop delay p99, ms', cold.loopDelayP99Ms, '<=', 50],
  ['restart / cold scan, processes', report.ratios.restartToCold, '<=', 0.5],
  ['slot with stream: requests / cold scan', report.ratios.streamRequestsToCold, '<=', 0.01],
  ['slot with stream: candle to signal, ms', stream.arrivalToPublishedMs, '<=', 150],
  ['slot with stream: memory, MB', stream.maxRssBytes / 1e6, '<=', 300],
];

let broken = 0;
for (const [what, found, relation, bound] of bounds) {
  const holds = relation === '<=' ? found <= bound : found >= bound;
  if (!holds) broken += 1;
  process.stdout.write(`${holds ? 'ok    ' : 'BROKEN'} ${what}: ${found.toFixed(2)} ${relation} ${bound}\n`);
}
process.exitCode = broken === 0 ? 0 : 1;
