import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Command } from 'commander';
import type { Config } from '../config/schema.js';
import { systemClock } from '../lib/clock.js';
import { Releasers } from '../lib/releasers.js';
import type { ScanOutcome } from '../scanner.js';
import type { CyclePlan } from '../scheduler/prepare.js';
import { colourAllowed, configOf, withCommonOptions } from './common.js';
import { openExchange } from './embedded.js';
import { EXIT, type Io } from './io.js';
import { createLogger } from './logger.js';
import { wholeNumber } from './options.js';
import { paintFor } from './paint.js';
import { scanProgress } from './progress.js';
import { countOf, type ScanOptions, settingsOf } from './scan-options.js';
import { type ScanReport, scanReport } from './scan-report.js';
import { codeIdentity } from './version.js';

export function scanCommand(io: Io, done: (exitCode: number) => void): Command {
  return withCommonOptions(new Command('scan'))
    .description('scans the whole market once and prints the strongest signals')
    .option('--exchange <id>', 'binanceusdm, or sim for the embedded exchange')
    .option('--symbols <n|list>', 'the N most liquid symbols, or a comma list of symbols')
    .option('--timeframes <list>', 'comma list, the shortest is the base')
    .option('--top <n>', 'signals to show', wholeNumber(0), 20)
    .option('--candles-out <dir>', 'writes the candles that were used as CSV, each with its source')
    .option('--latency-ms <n>', 'latency of the embedded exchange', wholeNumber(0), 100)
    .option('--bench', 'benchmark: embedded exchange unless told otherwise, several modes, ratios')
    .option('--runs <n>', 'runs of each mode of the benchmark', wholeNumber(1), 3)
    .action(async (options: ScanOptions) => {
      if (options.bench === true) {
        const { runBench } = await import('./bench/bench.js');
        return done(await runBench(options, io));
      }
      done(await runScan(options, io));
    });
}

async function runScan(options: ScanOptions, io: Io): Promise<number> {
  const loaded = await configOf(options, io, settingsOf(options));
  const { lockDataDir } = await import('./lock-data-dir.js');
  const lock = await lockDataDir(loaded, 'scan', systemClock);
  try {
    return await scanOnce(options, io, loaded.config);
  } finally {
    await lock.release();
  }
}

async function scanOnce(options: ScanOptions, io: Io, config: Config): Promise<number> {
  const colour = colourAllowed(options, io);
  const log = await createLogger(config.log.level, io, colour);
  const { openScanner } = await import('../scanner.js');
  const exchange = await openExchange(config, { latencyMs: options.latencyMs, symbols: countOf(options.symbols) });
  const progress = await scanProgress(io.stderr, options.json);
  const eventLoop = monitorEventLoopDelay({ resolution: 10 });
  const releasers = new Releasers();
  releasers.push(() => exchange.close());
  releasers.push(() => progress.stop());
  try {
    const scanner = await openScanner({
      config,
      restUrl: exchange.restUrl,
      cacheName: exchange.name,
      code: codeIdentity(),
      clock: systemClock,
      random: Math.random,
      onGateClosed: ({ until, reason }, unsaved) => {
        log.warn({ until: new Date(until).toISOString(), reason }, 'exchange closed its gate');
        if (unsaved !== null) log.error({ err: unsaved }, 'a restart will not know that the gate is closed');
      },
      onSettle: (waitMs) => log.info({ waitMs }, 'waiting for the newest candles to settle'),
      onPlan: (plan) => log.info(describePlan(plan), 'planned the scan'),
      onProgress: (done, total) => progress.update(done, total),
    });
    releasers.push(() => scanner.close());
    eventLoop.enable();
    const outcome = await scanner.scan();
    eventLoop.disable();
    progress.stop();
    return await publish(outcome, eventLoop.percentile(99) / 1e6, options, io, colour);
  } finally {
    await releasers.release();
  }
}

async function publish(
  outcome: ScanOutcome,
  loopDelayP99Ms: number,
  options: ScanOptions,
  io: Io,
  colour: boolean,
): Promise<number> {
  if (options.candlesOut !== undefined) {
    const { writeCandles } = await import('./candles-out.js');
    for (const { symbol } of outcome.universe.instruments) {
      for (const timeframe of outcome.timeframes) {
        const series = outcome.store.get({ symbol, timeframe });
        if (series !== undefined) await writeCandles(options.candlesOut, series.window());
      }
    }
  }
  const report = scanReport(outcome, loopDelayP99Ms);
  const text = options.json ? `${JSON.stringify(report)}\n` : await viewOf(report, options, io, colour);
  io.stdout.write(text);
  const { total, analyzed } = report.symbols;
  return analyzed > 0 && analyzed * 2 >= total ? EXIT.done : EXIT.failed;
}

async function viewOf(report: ScanReport, { top }: ScanOptions, { stdout }: Io, colour: boolean): Promise<string> {
  const { scanView } = await import('./scan-view.js');
  return scanView(report, top, paintFor(stdout, colour));
}

function describePlan({ slot, ...plan }: CyclePlan) {
  return { slot: new Date(slot).toISOString(), ...plan };
}
