// How soon a daemon is there again: killed outright under a warm disk cache and started anew, and stopped cleanly.
// `npm run build`, then `node bench/restart.mjs [rounds]`. Medians; compare them between machines only with care.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median } from './live/figures.mjs';
import { startDaemon, startSim } from './live/processes.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { symbols: { type: 'string', default: '530' }, 'latency-ms': { type: 'string', default: '100' } },
});
const rounds = Number(positionals[0] ?? 10);
/** As many requests as the rounds need within a minute: how the exchange's budget is shared is not the question here. */
const WEIGHT_LIMIT = 1_000_000;
/** Long enough for the deepening, and so for what a daemon that has run for a while has on disk. */
const WARM_UP_MS = 30_000;
const MINUTE_MS = 60_000;

const dataDir = await mkdtemp(join(tmpdir(), 'candlescan-restart-'));
const market = ['--symbols', options.symbols, '--latency-ms', options['latency-ms']];
const sim = await startSim(...market, '--weight-limit', WEIGHT_LIMIT);
const settings = [`exchange.restUrl=${sim.restUrl}`, `exchange.streamUrl=${sim.streamUrl}`, 'server.port=0'];
const start = () => startDaemon({ dataDir, settings });
try {
  const cold = await start();
  await sleep(WARM_UP_MS);
  const stops = [(await cold.end('SIGTERM')).tookMs];
  // A daemon that finds this minute's weight used up, by the limit that it knows before it is told, waits for the next.
  await sleep(MINUTE_MS - (Date.now() % MINUTE_MS));
  const afterStop = [];
  const afterKill = [];
  for (let round = 0; round < rounds; round++) {
    const killed = await start();
    afterStop.push(killed.readyMs);
    await killed.end('SIGKILL');
    const stopped = await start();
    afterKill.push(stopped.readyMs);
    const { tookMs, code } = await stopped.end('SIGTERM');
    if (code !== 0) throw new Error(`stopped with ${code}`);
    stops.push(tookMs);
  }
  tell('cold start to ready', [cold.readyMs]);
  tell('start to ready after a clean stop', afterStop);
  tell('start to ready after kill -9', afterKill);
  tell('SIGTERM to exit', stops);
} finally {
  await sim.stop();
  await rm(dataDir, { recursive: true, force: true });
}

function tell(what, times) {
  const [from, to] = [Math.min(...times), Math.max(...times)].map((ms) => ms.toFixed(0));
  process.stdout.write(`${what}, ms: median ${median(times).toFixed(0)} of ${times.length} (${from} to ${to})\n`);
}
