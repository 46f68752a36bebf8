#!/usr/bin/env node
// Our kernels against technicalindicators over a whole market: `npm run build`, then `node bench/indicators.mjs`.
// Both run in one process on one thread; compare the ratio between machines, never the times.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const child = fork(fileURLToPath(new URL('../dist/chunks/analysis.js', import.meta.url)));
child.send({ series: 1_590 });
const [{ what, kernelsMs, referenceMs, ratio, perIndicator }] = await once(child, 'message');

const rows = [...perIndicator, { name: 'all', kernelsMs, referenceMs, ratio }];
const line = (...cells) =>
  `${cells.map((cell, index) => (index === 0 ? cell.padEnd(10) : cell.padStart(20))).join('')}\n`;

process.stdout.write(`${what}\n`);
process.stdout.write(line('', 'kernels ms', 'technicalindicators', 'ratio'));
for (const row of rows) {
  process.stdout.write(line(row.name, row.kernelsMs.toFixed(1), row.referenceMs.toFixed(0), row.ratio.toFixed(1)));
}
