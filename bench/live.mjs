// A running daemon under the load of a whole market: `npm run bench:live -- --minutes 8`. The embedded exchange sends
// every stream's frames four times a second, traded or not, as nobody's market does. Shares are of CPU time, so that
// what else the machine does matters little; the event-loop delay is that of the process and holds what others took.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { between, judge, median, scrape, slopePerHour, total } from './live/figures.mjs';
import { startDaemon, startSim } from './live/processes.mjs';

const SCRAPE_EVERY_MS = 15_000;
const FRAMES_PER_SECOND = 4;
const MINUTE_MS = 60_000;
/** From the exchange's start to the first slot that the daemon lives through: it is ready and deepened by then. */
const LEAD_MS = 45_000;
const MIB = 2 ** 20;
const LOOP_DELAY_WATCH = fileURLToPath(new URL('live/loop-delay.cjs', import.meta.url));

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '8' },
    symbols: { type: 'string', default: '530' },
    /** The first is the base: `1m,5m,15m` has a slot every minute. */
    timeframes: { type: 'string', default: '5m,15m,1h' },
    /** In place of the two above: so many symbols, one timeframe. */
    streams: { type: 'string' },
    'latency-ms': { type: 'string', default: '100' },
    /** A folder for CPU profiles of the daemon and its workers. */
    'cpu-prof': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
/** With everything live: 300 MB. */
const MOST_RSS_MIB = 300e6 / 2 ** 20;
const symbols = Number(options.streams ?? options.symbols);
const timeframes = options.streams === undefined ? options.timeframes.split(',') : ['5m'];
const bounds =
  options.streams === undefined
    ? { loopDelayP99Ms: 25, cpuShare: 0.15, rssMib: MOST_RSS_MIB }
    : { loopDelayP99Ms: 20, cpuShare: 0.35, rssMib: MOST_RSS_MIB };

const baseMs = { '1m': 1, '3m': 3, '5m': 5, '15m': 15 }[timeframes[0]] * MINUTE_MS;
const now = Date.now();
const offsetMs = Math.ceil((now + LEAD_MS) / baseMs) * baseMs - LEAD_MS - now;
const dataDir = await mkdtemp(join(tmpdir(), 'candlescan-live-'));
const loopDelayFile = join(dataDir, 'loop-delay.json');
const load = ['--frames-per-second', FRAMES_PER_SECOND, '--symbols', symbols, '--latency-ms', options['latency-ms']];
const sim = await startSim(...load, '--clock-offset-ms', offsetMs);
try {
  const daemon = await startDaemon({
    dataDir,
    settings: [
      `exchange.restUrl=${sim.restUrl}`,
      `exchange.streamUrl=${sim.streamUrl}`,
      `timeframes=${timeframes.join()}`,
      'server.port=0',
    ],
    nodeOptions: [
      `--require=${LOOP_DELAY_WATCH}`,
      ...(options['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options['cpu-prof']}`]),
    ],
    env: { LOOP_DELAY_FILE: loopDelayFile },
  });
  let measured;
  try {
    measured = await measure(daemon);
  } finally {
    await daemon.end('SIGTERM');
  }
  const loopDelay = JSON.parse(await readFile(loopDelayFile, 'utf8'));
  process.exitCode = report({ ...measured, loopDelay }) === 0 ? 0 : 1;
} finally {
  await sim.stop();
  await rm(dataDir, { recursive: true, force: true });
}

async function measure({ url, signal }) {
  await warmUp(url);
  signal('SIGUSR2');
  const scrapes = await scrapeFor(url, Number(options.minutes) * MINUTE_MS);
  const { items } = await (await fetch(`${url}/api/v1/cycles?limit=1000`)).json();
  return { scrapes, cycles: items.filter(({ reason }) => reason === 'slot') };
}

/** The first scrapes measure how fast code is compiled, on both sides. */
async function warmUp(url) {
  for (let warm = 0; warm < 5; warm++) {
    await sleep(1_100);
    await scrape(url);
  }
}

async function scrapeFor(url, forMs) {
  const scrapes = [];
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs) {
    await sleep(SCRAPE_EVERY_MS);
    const ownDelayP99Ms = delay.percentile(99) / 1e6;
    scrapes.push({ ...(await scrape(url)), ownDelayP99Ms });
    delay.reset();
  }
  delay.disable();
  return scrapes;
}

/** Returns how many bounds are broken. */
function report({ scrapes, cycles, loopDelay }) {
  const spans = scrapes.slice(1).map((after, index) => between(scrapes[index], after));
  const idle = spans.filter(({ isIdle }) => isIdle);
  const series = symbols * timeframes.length;
  const rss = scrapes.map((each) => [each.atMs, total(each, 'process_resident_memory_bytes') / MIB]);
  const later = rss.slice(Math.floor(rss.length / 2));
  const delays = spans.map(({ loopDelayP99Ms }) => loopDelayP99Ms);
  const shares = cycles.map(({ requests }) => requests / series);
  const published = cycles.flatMap(({ arrivalToPublished }) => arrivalToPublished?.maxMs ?? []);
  const durations = cycles.map(({ durationMs }) => durationMs);
  const scrapeMs = scrapes.map(({ tookMs }) => tookMs);
  process.stdout.write(
    `${symbols} symbols x ${timeframes.join()}, ${FRAMES_PER_SECOND} frames a second each; ${spans.length} scrapes ` +
      `(${idle.length} of them without a cycle or a request), ${cycles.length} slots\n`,
  );
  if (options.json) process.stdout.write(`${JSON.stringify({ spans, cycles, rss, scrapeMs })}\n`);
  return judge([
    // The exchange has to have sent what it was to send, or the rest means little.
    [
      'frames a second / asked for, median',
      median(spans.map((span) => span.framesPerSecond)) / (FRAMES_PER_SECOND * symbols),
      '>=',
      0.95,
    ],
    ['event-loop delay p99, ms, over all of it', loopDelay.p99Ms, '<=', bounds.loopDelayP99Ms],
    ['event-loop delay, ms, p50', loopDelay.p50Ms],
    ['event-loop delay, ms, p99.9', loopDelay.p999Ms],
    ['event-loop delay, ms, longest', loopDelay.maxMs],
    ['event-loop delay p99 between scrapes, ms, median', median(delays), '<=', bounds.loopDelayP99Ms],
    ['event-loop delay p99 between scrapes, ms, worst', Math.max(...delays)],
    ['event-loop delay p99 of an idle process, ms, median', median(scrapes.map((each) => each.ownDelayP99Ms))],
    ['a scrape beyond /healthz, ms, median', median(scrapes.map((each) => each.tookMs - each.otherMs)), '<=', 10],
    ['a scrape, ms, median', median(scrapeMs)],
    ['a scrape, ms, worst', Math.max(...scrapeMs)],
    ['a scrape, KB', Math.max(...scrapes.map(({ bytes }) => bytes)) / 1_000, '<=', 200],
    ['CPU between slots, share of a core', median(idle.map(({ cpuShare }) => cpuShare)), '<=', bounds.cpuShare],
    ['CPU in all, share of a core', median(spans.map(({ cpuShare }) => cpuShare))],
    ['resident memory, MiB, most', Math.max(...rss.map(([, mib]) => mib)), '<=', bounds.rssMib],
    ['resident memory, MiB an hour, later half', slopePerHour(later)],
    ['requests of a slot / series, most', Math.max(...shares), '<=', 0.05],
    ['a cycle, ms, median', median(durations)],
    ['last candle of a batch to published, ms, median of the slots', median(published)],
    ['last candle of a batch to published, ms, most', Math.max(...published)],
  ]);
}
