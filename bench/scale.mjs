// How the cost of a cold scan grows with the number of symbols.
import { bench, summaryOf } from './run.mjs';

process.stdout.write('symbols  floor ms  cold ms  cold/floor  process ms  peak MiB  ms per symbol\n');
for (const symbols of [100, 250, 500, 1000]) {
  const report = bench('--runs', '3', '--symbols', String(symbols), '--set', 'exchange.weightShare=1');
  const cold = summaryOf(report, 'cold');
  const cells = [
    symbols,
    report.floor.requestsMs.toFixed(0),
    cold.medianMs.toFixed(0),
    report.ratios.coldToFloor.toFixed(2),
    cold.processMs.toFixed(0),
    (cold.maxRssBytes / 2 ** 20).toFixed(0),
    (cold.medianMs / symbols).toFixed(2),
  ];
  process.stdout.write(`${cells.join('\t')}\n`);
}
