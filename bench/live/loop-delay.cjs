// Preloaded into the daemon: one histogram of its main thread's event-loop delay from SIGUSR2 on, cycles and scrapes
// included, written to the file LOOP_DELAY_FILE when it exits. A scrape's figure covers only the time since the last.
const { writeFileSync } = require('node:fs');
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { isMainThread } = require('node:worker_threads');

if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  process.on('SIGUSR2', () => delay.reset());
  process.on('exit', () => {
    const figures = { p50Ms: delay.percentile(50), p99Ms: delay.percentile(99), p999Ms: delay.percentile(99.9) };
    const ms = Object.entries({ ...figures, maxMs: delay.max }).map(([name, ns]) => [name, ns / 1e6]);
    writeFileSync(process.env.LOOP_DELAY_FILE, JSON.stringify(Object.fromEntries(ms)));
  });
}
