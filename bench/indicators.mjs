#!/usr/bin/env node
// Our kernels against technicalindicators over a whole market: `npm run build`, then `node bench/indicators.mjs`.
// Both run in one process on one thread; compare the ratio between machines, never the times.
import { compareWithTechnicalIndicators } from '../dist/analyzers/indicators/benchmark.js';

const { what, kernelsMs, referenceMs, ratio, perIndicator } = compareWithTechnicalIndicators({
  series: 1_590,
  length: 300,
  seed: 1,
});

const rows = [...perIndicator, { name: 'all', kernelsMs, referenceMs, ratio }];
const line = (...cells) =>
  `${cells.map((cell, index) => (index === 0 ? cell.padEnd(10) : cell.padStart(20))).join('')}\n`;

process.stdout.write(`${what}\n`);
process.stdout.write(line('', 'kernels ms', 'technicalindicators', 'ratio'));
for (const row of rows) {
  process.stdout.write(line(row.name, row.kernelsMs.toFixed(1), row.referenceMs.toFixed(0), row.ratio.toFixed(1)));
}
