import type { Paint } from '../paint.js';
import { plainTable } from '../plain-table.js';
import type { BenchReport } from './report.js';

export function benchView(report: BenchReport, paint: Paint): string {
  const { machine, summary, floor, oldWay, analysis, ratios, runs } = report;
  const symbols = runs[0]?.symbols.total ?? 0;
  const times = plainTable(
    ['', 'median', 'min', 'max', 'process', 'requests', 'candle to signal', 'peak memory', 'loop p99'],
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  times.push(['floor', ms(floor.requestsMs), ms(floor.minMs), ms(floor.maxMs), '', '', '', '', '']);
  for (const mode of summary) {
    times.push([
      MODES[mode.mode],
      ms(mode.medianMs),
      ms(mode.minMs),
      ms(mode.maxMs),
      mode.processMs === null ? '' : ms(mode.processMs),
      mode.requests.toLocaleString('en-US'),
      mode.arrivalToPublishedMs === null ? '' : ms(mode.arrivalToPublishedMs),
      `${(mode.maxRssBytes / 2 ** 20).toFixed(0)} MiB`,
      ms(mode.loopDelayP99Ms),
    ]);
  }
  times.push(['old way', ms(oldWay.wholeMarketMs), '', '', '', '', '', '', '']);
  const ratio = plainTable(['ratio', '', ''], [1]);
  ratio.push(['cold scan / floor', ratios.coldToFloor.toFixed(2), 'first request to report']);
  ratio.push(['process / floor', ratios.processToFloor.toFixed(2), 'start to exit']);
  ratio.push(['restart / cold scan', ratios.restartToCold.toFixed(2), 'start to exit, candles on disk']);
  if (ratios.streamRequestsToCold !== null) {
    const share = `${(ratios.streamRequestsToCold * 100).toFixed(1)} %`;
    ratio.push(['stream / cold scan, requests', share, 'one slot of a running daemon']);
  }
  ratio.push([
    'old way / cold scan',
    ratios.oldWayToCold.toFixed(1),
    `${oldWay.perSymbolMs} ms a symbol: ${oldWay.what}`,
  ]);
  ratio.push([
    'technicalindicators / kernels',
    ratios.technicalIndicatorsToKernels.toFixed(0),
    `${ms(analysis.referenceMs)} against ${ms(analysis.kernelsMs)}, one thread`,
  ]);
  return [
    `${paint('bold', `${symbols} symbols`)}, ${runs.length} runs in fresh processes, Node ${machine.node}, ${machine.cores} × ${machine.cpu}`,
    times.toString(),
    '',
    ratio.toString(),
    '',
    paint('dim', `floor: ${floor.what}`),
    '',
  ].join('\n');
}

const MODES = {
  cold: 'cold scan',
  restart: 'restart',
  warm: 'warm slot, requests only',
  stream: 'slot with stream',
} as const;

function ms(value: number): string {
  return `${value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 1 : 0 })} ms`;
}
