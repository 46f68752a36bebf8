// What the disk tier costs a running process: `npm run build:test`, then `node bench/cache.mjs`. A whole market is written
// at once and read back, and one series is written and read again and again, as with every flush of a long life. Times are
// judged beyond what the machine needs for nothing at the time: an idle loop, a plain read of the same file.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { judge, median } from './live/figures.mjs';

const load = (path) => import(new URL(`../build/${path}`, import.meta.url).href);
const [{ SegmentStore }, { CandleCache }, { summarize }, { Series }, { systemClock: clock }, { seededRandom }] =
  await Promise.all(
    ['cache/l2.js', 'cache/tiers.js', 'cache/maintenance.js', 'domain/series.js', 'lib/clock.js', 'lib/random.js'].map(
      load,
    ),
  );

const SYMBOLS = 530;
const STEPS_MS = { '5m': 300_000, '15m': 900_000, '1h': 3_600_000 };
const LOOKBACK = 300;
const ROUNDS = 5;
const FLUSHES = 10_000;
/** While the compiler works beside them, on the same cores; a daemon has that behind it. */
const WARM_UP = 1_500;
const MIB = 2 ** 20;

function rowAt(openTime, random) {
  const ticks = 83_000 + Math.floor(random() * 500);
  const [open, close] = [ticks / 100, (ticks + 20) / 100];
  return [openTime, open, (ticks + 35) / 100, (ticks - 15) / 100, close, Math.floor(random() * 1e6) / 1e3];
}

function seriesOf(symbol, timeframe, random, now) {
  const series = new Series(symbol, timeframe, LOOKBACK);
  const stepMs = STEPS_MS[timeframe];
  const end = Math.floor(now / stepMs) * stepMs;
  for (let ago = LOOKBACK; ago > 0; ago--) series.append(rowAt(end - ago * stepMs, random), 'history', now);
  return series;
}

async function openCache(dir) {
  const store = await SegmentStore.open({ dir, maxBytes: 512 * MIB, clock });
  const cache = new CandleCache({
    exchange: 'bench',
    lookback: LOOKBACK,
    l1MaxBytes: 256 * MIB,
    flushEveryMs: 3_600_000,
    store,
    clock,
  });
  return { store, cache };
}

/** How long `work` takes, and how late the event loop was meanwhile. */
async function watched(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedMs = performance.now();
  await work();
  const tookMs = performance.now() - startedMs;
  delay.disable();
  return { tookMs, loopDelayP99Ms: delay.percentile(99) / 1e6 };
}

async function wholeMarket(dir) {
  const random = seededRandom(1);
  const now = clock.now();
  const symbols = Array.from({ length: SYMBOLS }, (_, index) => `S${index}USDT`);
  const keys = Object.keys(STEPS_MS).flatMap((timeframe) => symbols.map((symbol) => ({ symbol, timeframe })));
  const flushes = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { cache } = await openCache(dir);
    for (const { symbol, timeframe } of keys) cache.put(seriesOf(symbol, timeframe, random, now));
    flushes.push(await watched(() => cache.flush()));
    await cache.stop();
  }
  const loads = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { cache } = await openCache(dir);
    loads.push(await watched(() => cache.load(keys)));
    await cache.stop();
  }
  return { flushes, loads };
}

async function oneSeries(dir) {
  const { store, cache } = await openCache(dir);
  const random = seededRandom(2);
  const series = seriesOf('BTCUSDT', '5m', random, clock.now());
  const [gets, reads] = [[], []];
  const timed = async (into, work) => {
    const startedMs = performance.now();
    await work();
    into.push(performance.now() - startedMs);
  };
  for (let flush = 0; flush < FLUSHES; flush++) {
    const openTime = series.lastOpenTime + STEPS_MS['5m'];
    series.append(rowAt(openTime, random), 'stream', openTime + STEPS_MS['5m']);
    cache.put(series);
    await cache.flush();
    const file = (await readdir(dir, { recursive: true, withFileTypes: true })).find((entry) => entry.isFile());
    await timed(reads, () => readFile(join(file.parentPath, file.name)));
    await timed(gets, () => store.read(store.keys()[0]));
  }
  await cache.stop();
  const { diskBytes, liveBytes } = await summarize(dir);
  const p99 = (times) => {
    const sorted = times.slice(WARM_UP).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)];
  };
  return { getP99Ms: p99(gets), readP99Ms: p99(reads), diskToLive: diskBytes / liveBytes };
}

const dir = await mkdtemp(join(tmpdir(), 'candlescan-bench-'));
try {
  const { loopDelayP99Ms: idleMs } = await watched(() => sleep(1_000));
  const { flushes, loads } = await wholeMarket(join(dir, 'market'));
  const { getP99Ms, readP99Ms, diskToLive } = await oneSeries(join(dir, 'series'));
  const medianOf = (runs, field) => median(runs.map((run) => run[field]));
  const broken = judge([
    ['flush of the whole market, ms, median', medianOf(flushes, 'tookMs'), '<=', 1_500],
    ['event-loop delay p99 meanwhile, beyond an idle one, ms', medianOf(flushes, 'loopDelayP99Ms') - idleMs, '<=', 20],
    ['load of the whole market, ms, median', medianOf(loads, 'tookMs')],
    ['event-loop delay p99 meanwhile, beyond an idle one, ms', medianOf(loads, 'loopDelayP99Ms') - idleMs],
    ['event-loop delay p99 of an idle process, ms', idleMs],
    [`get of a series among ${FLUSHES} flushes, p99, beyond a read of its file, ms`, getP99Ms - readP99Ms, '<=', 2],
    ['a read of its file, p99, ms', readP99Ms],
    [`bytes on disk / live after ${FLUSHES} flushes of one series`, diskToLive, '<=', 1.5],
  ]);
  process.exitCode = broken === 0 ? 0 : 1;
} finally {
  await rm(dir, { recursive: true, force: true });
}
