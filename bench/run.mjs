import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Runs `candlescan scan --bench --json` in a fresh process and returns its report. */
export function bench(...args) {
  const text = execFileSync(process.execPath, [MAIN, 'scan', '--bench', '--json', ...args], { maxBuffer: 2 ** 28 });
  return JSON.parse(text.toString());
}

export function summaryOf(report, mode) {
  return report.summary.find((entry) => entry.mode === mode);
}
