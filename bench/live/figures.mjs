/** One scrape of a daemon, what it cost, and the time. `otherMs` is what a reply that needs no work took just before. */
export async function scrape(url) {
  const { tookMs: otherMs } = await timed(`${url}/healthz`);
  const { tookMs, text } = await timed(`${url}/metrics`);
  return { atMs: performance.now(), tookMs, otherMs, bytes: Buffer.byteLength(text), values: valuesOf(text) };
}

async function timed(url) {
  const startedMs = performance.now();
  const text = await (await fetch(url)).text();
  return { tookMs: performance.now() - startedMs, text };
}

/** Series by name with labels, as the exposition has them. */
function valuesOf(text) {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** The sum over all labels. */
export function total({ values }, name) {
  let sum = 0;
  for (const [series, value] of values) if (series === name || series.startsWith(`${name}{`)) sum += value;
  return sum;
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle];
  return sorted.length === 0 ? Number.NaN : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Growth per hour by least squares over [milliseconds, value]. */
export function slopePerHour(points) {
  const mean = (pick) => points.reduce((sum, point) => sum + pick(point), 0) / points.length;
  const [meanAt, meanValue] = [mean(([at]) => at), mean(([, value]) => value)];
  const covariance = mean(([at, value]) => (at - meanAt) * (value - meanValue));
  return (covariance / mean(([at]) => (at - meanAt) ** 2)) * 3_600_000;
}

/** What passed between two scrapes. */
export function between(before, after) {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const grown = (name) => total(after, name) - total(before, name);
  return {
    cpuShare: grown('process_cpu_seconds_total') / seconds,
    framesPerSecond: grown('candlescan_stream_messages_total') / seconds,
    isIdle: grown('candlescan_cycles_total') === 0 && grown('candlescan_exchange_requests_total') === 0,
    loopDelayP99Ms: total(after, 'nodejs_eventloop_lag_p99_seconds') * 1_000,
  };
}

/** Prints each figure beside its bound, and returns how many bounds are broken. A figure without a bound is told only. */
export function judge(figures) {
  let broken = 0;
  for (const [what, found, relation, bound] of figures) {
    const holds = relation === undefined || (relation === '<=' ? found <= bound : found >= bound);
    if (!holds) broken += 1;
    const verdict = relation === undefined ? '      ' : holds ? 'ok    ' : 'BROKEN';
    const beside = relation === undefined ? '' : ` ${relation} ${bound}`;
    process.stdout.write(`${verdict} ${what}: ${found.toFixed(2)}${beside}\n`);
  }
  return broken;
}
