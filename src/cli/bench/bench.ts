import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/schema.js';
import { slotAt } from '../../domain/slot.js';
import { type Timeframe, timeframeMs } from '../../domain/timeframe.js';
import { sleep, systemClock } from '../../lib/clock.js';
import { colourAllowed, configOf } from '../common.js';
import { openExchange } from '../embedded.js';
import { EXIT, type Io } from '../io.js';
import { paintFor } from '../paint.js';
import { countOf, type ScanOptions, settingsOf } from '../scan-options.js';
import type { ScanReport } from '../scan-report.js';
import type { AnalysisResult, AnalysisTask } from './analysis.js';
import { runCommand, runModule } from './child.js';
import type { FloorResult, FloorTask } from './floor.js';
import { runLiveSlot } from './live.js';
import { type BenchMarket, benchMarket, quietMoment } from './market.js';
import type { OldWayResult, OldWayTask } from './old-way.js';
import { type BenchReport, type BenchRun, type LiveRun, summarize } from './report.js';
import { benchView } from './view.js';

/** Enough for any number of runs: a benchmark of waiting for the next minute is none. */
const EMBEDDED_WEIGHT_LIMIT = 10_000_000;
const OLD_WAY_SYMBOLS = 64;
/** The most candles of a request that costs weight 2. */
const FULL_LOOK = 499;
/** Weight of the requests beside the klines: list of markets, time, one ping before each run. */
const OTHER_WEIGHT = 45;
/** What a daemon needs from its start until it holds and streams everything. */
const COLD_START_MS = 20_000;
const LIVE_PATIENCE_MS = 90_000;
/** What must be left of a slot for a restart that finds nothing new closed. */
const RESTART_MS = 15_000;
/** A scan that never ends within its slot is measured as it is. */
const REFRESHES = 3;

/** Measures the scan against what it cannot beat and against what it replaces; every run in a fresh process. */
export async function runBench(options: ScanOptions, io: Io): Promise<number> {
  const embedded = options.exchange === undefined ? ['exchange.id=sim'] : [];
  const { config } = await configOf(options, io, [...settingsOf(options), ...embedded]);
  const exchange = await openExchange(config, {
    latencyMs: options.latencyMs,
    symbols: countOf(options.symbols),
    weightLimit: EMBEDDED_WEIGHT_LIMIT,
  });
  try {
    const restUrl = exchange.restUrl ?? 'https://fapi.binance.com';
    const market = await benchMarket(restUrl, config, systemClock);
    const report = await measure({ restUrl, market, config, options, io });
    io.stdout.write(
      options.json ? `${JSON.stringify(report)}\n` : benchView(report, paintFor(io.stdout, colourAllowed(options, io))),
    );
    return report.runs.every(({ symbols }) => symbols.analyzed * 2 >= symbols.total) ? EXIT.done : EXIT.failed;
  } finally {
    await exchange.close();
  }
}

interface Course {
  readonly restUrl: string;
  readonly market: BenchMarket;
  readonly config: Config;
  readonly options: ScanOptions;
  readonly io: Io;
}

async function measure(course: Course): Promise<BenchReport> {
  const { restUrl, market, config, options, io } = course;
  const say = (text: string) => io.stderr.isTTY && io.stderr.write(`${text}\n`);
  const ready = (weight = market.paths.length) =>
    quietMoment(restUrl, config, weight + OTHER_WEIGHT, market.weightLimit, systemClock);

  const floors: number[] = [];
  const runs: BenchRun[] = [];
  const kept = await mkdtemp(join(tmpdir(), 'candlescan-bench-'));
  try {
    await runFloor(course); // Fills the embedded exchange's own caches, so that no contestant pays for them.
    await ready(market.paths.length * 2);
    await runScan(course, kept, [`candles.firstLook=${Math.min(config.candles.lookback, FULL_LOOK)}`]);
    for (let run = 1; run <= options.runs; run++) {
      say(`run ${run} of ${options.runs}`);
      await ready();
      floors.push((await runFloor(course)).requestsMs);
      await ready();
      const fresh = await mkdtemp(join(tmpdir(), 'candlescan-bench-'));
      runs.push({ mode: 'cold', run, ...(await runScan(course, fresh)) });
      await rm(fresh, { recursive: true });
      await ready();
      await refresh(course, kept);
      await ready(0);
      runs.push({ mode: 'restart', run, ...(await runScan(course, kept)) });
    }
  } finally {
    await rm(kept, { recursive: true });
  }
  await ready();
  const oldWay = await runModule<OldWayResult>('./old-way.js', {
    restUrl,
    symbols: market.unified.slice(0, OLD_WAY_SYMBOLS),
    timeframes: config.timeframes,
    limit: config.candles.firstLook,
  } satisfies OldWayTask);
  runs.push(...(await measureLive(course)));
  const analysis = await runModule<AnalysisResult>('./analysis.js', {
    series: market.paths.length,
  } satisfies AnalysisTask);
  return {
    schema: 1,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryBytes: totalmem(),
      node: process.version,
    },
    runs,
    ...summarize({ runs, floors, oldWayPerSymbolMs: oldWay.perSymbolMs, analysis, requests: market.paths.length }),
  };
}

/**
 * Brings the candles on disk up to date, so that the restart after it finds nothing new closed: an exchange with real
 * limits has let minutes go by since they were written.
 */
async function refresh(course: Course, dataDir: string): Promise<void> {
  const { timeframes, cycle } = course.config;
  for (let tries = REFRESHES; tries > 0; tries--) {
    const end = slotAt(systemClock.now(), timeframes[0]) + timeframeMs(timeframes[0]);
    await runScan(course, dataDir);
    const leftMs = end - systemClock.now();
    if (leftMs >= RESTART_MS) return;
    await sleep(systemClock, Math.max(0, leftMs) + cycle.settleMs);
  }
}

/**
 * Slots of a running daemon: on embedded exchanges of their own, whose next slot is near, or one of each mode on the given
 * exchange, whose slots come when they come.
 */
async function measureLive({ restUrl, market, config, options, io }: Course): Promise<LiveRun[]> {
  const [base] = config.timeframes;
  const isEmbedded = config.exchange.id === 'sim' && config.exchange.restUrl === null;
  const patienceMs = LIVE_PATIENCE_MS + (isEmbedded ? 0 : timeframeMs(base));
  const runs: LiveRun[] = [];
  for (let run = 1; run <= (isEmbedded ? options.runs : 1); run++) {
    for (const mode of ['warm', 'stream'] as const) {
      if (!isEmbedded) await roomForColdStart(restUrl, market, config);
      const exchange = await openExchange(config, {
        latencyMs: options.latencyMs,
        symbols: market.unified.length,
        weightLimit: EMBEDDED_WEIGHT_LIMIT,
        clockOffsetMs: offsetToSlot(base, COLD_START_MS),
      });
      try {
        const { restUrl, streamUrl } = exchange;
        const settings = settingsFor(options);
        if (restUrl !== null) settings.push(`exchange.restUrl=${restUrl}`);
        if (streamUrl !== null) settings.push(`exchange.streamUrl=${streamUrl}`);
        runs.push(
          await runLiveSlot({ mode, run, settings, configFiles: options.config, env: { ...io.env }, patienceMs }),
        );
      } finally {
        await exchange.close();
      }
    }
  }
  return runs;
}

/** A daemon that waits for weight, or whose start runs into its slot, would show that instead of the slot. */
async function roomForColdStart(restUrl: string, market: BenchMarket, config: Config): Promise<void> {
  const [base] = config.timeframes;
  await quietMoment(restUrl, config, market.paths.length + OTHER_WEIGHT, market.weightLimit, systemClock);
  const left = slotAt(systemClock.now(), base) + timeframeMs(base) - systemClock.now();
  if (left < COLD_START_MS) await sleep(systemClock, left + config.cycle.settleMs);
}

/** What to add to our clock so that the newest slot of the timeframe is about to come again. */
function offsetToSlot(base: Timeframe, leadMs: number): number {
  const now = systemClock.now();
  return slotAt(now, base) - leadMs - now;
}

/** What the user set, with the exchange left to the caller. */
function settingsFor(options: ScanOptions): string[] {
  const own = options.set.filter((setting) => !/^exchange\.(id|restUrl|streamUrl)=/.test(setting));
  return [...own, ...settingsOf({ ...options, exchange: 'binanceusdm' })];
}

function runFloor({ restUrl, market, config }: Course): Promise<FloorResult> {
  return runModule<FloorResult>('./floor.js', {
    restUrl,
    first: ['/fapi/v1/exchangeInfo', '/fapi/v1/time'],
    paths: market.paths,
    window: config.batch.requestsInFlight,
  } satisfies FloorTask);
}

/** One scan by a fresh process that keeps its files in `dataDir`. */
async function runScan({ restUrl, options, io }: Course, dataDir: string, more: readonly string[] = []) {
  const settings = [...settingsFor(options), `exchange.restUrl=${restUrl}`, ...more];
  const args = [
    'scan',
    '--json',
    '--log-level=error',
    '--data-dir',
    dataDir,
    ...options.config.flatMap((file) => ['--config', file]),
    ...settings.flatMap((setting) => ['--set', setting]),
  ];
  const { stdout, exitCode, wallMs } = await runCommand(args, { ...io.env });
  if (stdout === '') throw new Error(`a scan ended with exit code ${exitCode} and no report`);
  const report = JSON.parse(stdout) as ScanReport;
  return { ...report, signals: report.signals.length, excluded: report.excluded.length, processMs: wallMs };
}
