import type { Paint } from './paint.js';
import { plainTable } from './plain-table.js';
import type { ScanReport } from './scan-report.js';

/** The report of one scan for a person: the strongest signals first, then what was left out and what it cost. */
export function scanView(report: ScanReport, top: number, paint: Paint): string {
  return [
    headline(report, paint),
    signalTable(report, top, paint),
    ...leftOut(report, paint),
    ...cost(report, paint),
    ...report.warnings.map((warning) => paint('yellow', `warning  ${warning}`)),
    '',
  ].join('\n');
}

function headline(report: ScanReport, paint: Paint): string {
  const { symbols, exchange, slot, timeframes, durationMs, signals } = report;
  const found = `${signals.length} signal${signals.length === 1 ? '' : 's'}`;
  return (
    `${paint('bold', found)} in ${symbols.analyzed} of ${symbols.total} symbols ` +
    `(${timeframes.join(' ')}) on ${exchange}, slot ${slot}, in ${seconds(durationMs)}`
  );
}

function signalTable(report: ScanReport, top: number, paint: Paint): string {
  const shown = report.signals.slice(0, top);
  if (shown.length === 0) return '';
  const head = ['symbol', 'tf', 'signal', 'strength', 'price', 'closed', 'analyzer', 'why'];
  const table = plainTable(
    head.map((text) => paint('dim', text)),
    [3, 4],
  );
  for (const signal of shown) {
    table.push([
      signal.symbol,
      signal.timeframe,
      paint(signal.direction === 'long' ? 'green' : 'red', signal.direction),
      signal.strength.toFixed(2),
      signal.price,
      signal.candleCloseTime.slice(11, 16),
      signal.analyzer,
      signal.reasons.slice(0, 2).join('; '),
    ]);
  }
  const more = report.signals.length - shown.length;
  return more > 0
    ? `${table.toString()}\n${paint('dim', `… and ${more} weaker (--top ${report.signals.length})`)}`
    : table.toString();
}

function leftOut(report: ScanReport, paint: Paint): string[] {
  const { symbols, withheld, excluded, candles, gaps, failures } = report;
  const lines = [
    line('skipped', countBy(symbols.skipped.map(({ reason }) => reason)) || 'none', paint),
    line('quiet', countBy(withheld.map(({ reason }) => reason)) || 'none', paint),
    line('excluded', countBy(excluded.map(({ reason }) => reason)) || 'none', paint),
  ];
  const rejected = Object.entries(candles.rejectedBy).map(([reason, count]) => `${count} ${reason}`);
  lines.push(line('rejected', rejected.length === 0 ? 'no rows' : `${rejected.join(', ')} rows`, paint));
  if (gaps.repaired + gaps.unrepaired > 0) {
    lines.push(line('gaps', `${gaps.repaired} repaired, ${gaps.unrepaired} unrepaired`, paint));
  }
  for (const { analyzer, reason, count, message } of failures) {
    lines.push(paint('red', line('failed', `${analyzer}: ${reason} on ${count} series: ${message}`, paint)));
  }
  return lines;
}

function cost({ stages, requests, candles, analyzers }: ScanReport, paint: Paint): string[] {
  const times = Object.entries(stages).map(([stage, ms]) => `${stage.replace(/Ms$/, '')} ${seconds(ms)}`);
  const sources = (['cache', 'history', 'stream', 'rest', 'derived'] as const)
    .filter((source) => candles[source] > 0)
    .map((source) => `${candles[source].toLocaleString('en-US')} ${source}`);
  return [
    line('stages', times.join(', '), paint),
    line(
      'requests',
      `${requests.total.toLocaleString('en-US')} sent, ${requests.failed} failed, ${requests.retried} retried, ` +
        `${requests.throttled} throttled; weight ${requests.weight.toLocaleString('en-US')} of ${requests.weightLimit.toLocaleString('en-US')} a minute`,
      paint,
    ),
    line('candles', sources.join(', ') || 'none', paint),
    line('analyzers', analyzers.map(({ analyzer, findings }) => `${analyzer} ${findings}`).join(', '), paint),
  ];
}

function line(label: string, text: string, paint: Paint): string {
  return `${paint('dim', label.padEnd(9))} ${text}`;
}

function countBy(words: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
}

function seconds(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}
