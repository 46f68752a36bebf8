import { describe, expect, it } from 'vitest';
import { fedRegistry, scraped } from '../support/metrics.js';

const CACHE_RESULTS = ['hit', 'miss', 'stale', 'error'];

type Row = readonly [
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  labels?: Readonly<Record<string, readonly string[] | 'any'>>,
];

/** What dashboards of other people rely on; written from the contract, not from the code. */
const CONTRACT: readonly Row[] = [
  ['cycle_duration_seconds', 'histogram'],
  [
    'cycle_stage_duration_seconds',
    'histogram',
    { stage: ['universe', 'cache', 'history', 'stream', 'rest', 'analyze', 'publish'] },
  ],
  ['cycles_total', 'counter', { outcome: ['complete', 'partial', 'failed'] }],
  ['cycles_missed_total', 'counter'],
  ['cycle_last_completed_timestamp_seconds', 'gauge'],
  ['signal_latency_seconds', 'histogram', { status: 'any' }],
  ['symbols', 'gauge', { state: ['active', 'skipped'] }],
  ['cache_requests_total', 'counter', { tier: ['l1', 'l2', 'results'], result: CACHE_RESULTS }],
  ['cache_size_bytes', 'gauge', { tier: 'any' }],
  ['cache_entries', 'gauge', { tier: ['l1', 'l2', 'results'] }],
  ['candles_total', 'counter', { source: ['cache', 'history', 'stream', 'rest', 'derived'] }],
  ['candles_rejected_total', 'counter', { reason: 'any' }],
  ['series_gaps_total', 'counter', { outcome: ['repaired', 'unrepaired'] }],
  ['candle_mismatches_total', 'counter'],
  ['exchange_requests_total', 'counter', { endpoint: 'any', outcome: 'any' }],
  ['exchange_request_duration_seconds', 'histogram', { endpoint: 'any' }],
  ['exchange_weight_used', 'gauge'],
  ['exchange_weight_limit', 'gauge'],
  ['exchange_gate_closed_seconds', 'gauge'],
  ['stream_connections', 'gauge', { state: 'any' }],
  ['stream_messages_total', 'counter'],
  ['stream_reconnects_total', 'counter', { reason: 'any' }],
  ['stream_stale_series', 'gauge'],
  ['signals_total', 'counter', { analyzer: 'any', direction: ['long', 'short'], status: 'any' }],
  ['signal_outcome_total', 'counter', { analyzer: 'any', timeframe: ['5m', '15m', '1h'], outcome: ['hit', 'miss'] }],
  ['analyzer_duration_seconds', 'histogram', { analyzer: 'any' }],
  ['analyzer_failures_total', 'counter', { analyzer: 'any', reason: 'any' }],
  ['notifications_total', 'counter', { sink: 'any', result: 'any' }],
  ['notification_queue_size', 'gauge', { sink: 'any' }],
  ['evidence_jobs', 'gauge', { status: ['pending', 'processing', 'completed', 'failed'] }],
  ['memory_pressure_level', 'gauge'],
  ['clock_skew_seconds', 'gauge'],
];

const scrape = fedRegistry({ ofProcess: true }).registry.scrape();

describe('the metrics of the contract', () => {
  it.each(CONTRACT.map((row) => [row[0], row] as const))(
    'has candlescan_%s with its type and labels, from the start',
    async (name, row) => {
      const [, type, labels = {}] = row;
      const { body } = await scrape;
      expect(body).toContain(`# TYPE candlescan_${name} ${type}\n`);
      expect(body).toMatch(new RegExp(`^# HELP candlescan_${name} \\S.{8,}$`, 'm'));
      const sample = type === 'histogram' ? `candlescan_${name}_count` : `candlescan_${name}`;
      const found = samplesOf(body, sample);
      expect(found.length).toBeGreaterThan(0);
      for (const each of found) expect(Object.keys(each).sort()).toEqual(Object.keys(labels).sort());
      for (const [label, values] of Object.entries(labels)) {
        if (values === 'any') continue;
        expect(new Set(found.map((each) => each[label]))).toEqual(new Set(values));
      }
    },
  );

  it('has no label for symbols anywhere', async () => {
    const { body } = await scrape;
    expect(body).toContain('{');
    expect(body).not.toMatch(/[{,]symbol=/);
  });

  it('names every metric of ours by the prefix, and its unit or total at the end', async () => {
    const { body } = await scrape;
    const types = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({ name: name ?? '', type }));
    const ours = types.filter(({ name }) => !/^(process|nodejs)_/.test(name));
    expect(ours.length).toBeGreaterThan(CONTRACT.length);
    for (const { name, type } of ours) {
      expect(name).toMatch(/^candlescan_[a-z0-9_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });
});

describe('S9: names from outside', () => {
  const hostile = Array.from({ length: 10_000 }, (_, index) => `MADEUP${index}"}\n\u{1F4A5}__proto__`);

  it('S9: reach no label and make no series, however many come', async () => {
    const fed = fedRegistry({ ofProcess: true });
    const before = await scraped(fed.registry);
    feed(fed, hostile);
    const after = await scraped(fed.registry);
    expect([...after.keys()].filter((key) => key.includes('MADEUP'))).toEqual([]);
    const added = [...after.keys()].filter((key) => !before.has(key) && !key.startsWith('nodejs_'));
    expect(added.length).toBeGreaterThan(0);
    expect(added.filter((key) => !key.includes('="other"'))).toEqual([]);
    expect(after.get('candlescan_analyzer_failures_total{analyzer="other",reason="threw"}')).toBe(10_000);
    expect(after.size).toBeLessThanOrEqual(1_000);
  });

  it('S9: leave at most 1,000 series and 200 kB when plugins, timeframes and sinks are configured without end', async () => {
    const timeframes = ['1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d', '1w'];
    const fed = fedRegistry({ analyzers: hostile, sinks: hostile.slice(0, 100), timeframes, ofProcess: true });
    feed(fed, hostile);
    const { body } = await fed.registry.scrape();
    const series = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(series.length).toBeLessThanOrEqual(1_000);
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(200_000);
  });
});

/** Everything a part could be told, with names that nobody declared. */
function feed(fed: ReturnType<typeof fedRegistry>, names: readonly string[]): void {
  const { analyzers, signals, notified, requested, stats } = fed;
  for (const name of names) {
    analyzers.analyzed({
      runs: [{ analyzer: name, durationMs: 1, findings: 0, warmup: 0 }],
      failures: [{ analyzer: name, reason: 'threw', message: name, count: 1 }],
    });
    signals.expired({ analyzer: name, timeframe: '5m' }, 'miss');
    notified(name, 'failed');
    requested({ endpoint: name as 'klines', outcome: name as 'ok', durationMs: 1 });
  }
  const counts = Object.fromEntries(names.map((name) => [name, 1]));
  Object.assign(stats.live.stream, { malformed: counts, reconnects: counts });
  Object.assign(stats.cache.l2, { corrupt: counts, writeErrors: counts });
  stats.signals.writeErrors = counts;
  stats.signals.signals = names.map((analyzer) => ({ analyzer, direction: 'long', status: 'confirmed', count: 1 }));
}

function samplesOf(body: string, name: string): Record<string, string>[] {
  const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.map((line) =>
    Object.fromEntries([...line.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
  );
}
