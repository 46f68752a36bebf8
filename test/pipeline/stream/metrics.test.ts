import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../../src/lib/metrics.js';
import { streamMetrics } from '../../../src/pipeline/stream/metrics.js';
import { fedRegistry, scraped } from '../../support/metrics.js';

describe('streamMetrics', () => {
  it('W2, W4, W6, W9: shows connections, silence, what broke and what was left out', async () => {
    const { registry, stats } = fedRegistry();
    Object.assign(stats.live.stream, {
      connections: { waiting: 1, connecting: 2, open: 3, draining: 1 },
      streams: { wanted: 5, pending: 6, confirmed: 7 },
      messages: 1_000,
      reconnects: { silent: 2, network: 1 },
      staleSeries: 9,
      malformed: { json: 4, binary: 1, made_up_reason: 2 },
      coalesced: 11,
      outdated: 8,
      watchdogDeferred: 3,
      endpointSuspect: true,
    });
    const series = await scraped(registry);
    expect(series.get('candlescan_stream_connections{state="open"}')).toBe(3);
    expect(series.get('candlescan_stream_subscriptions{state="confirmed"}')).toBe(7);
    expect(series.get('candlescan_stream_messages_total')).toBe(1_000);
    expect(series.get('candlescan_stream_reconnects_total{reason="silent"}')).toBe(2);
    expect(series.get('candlescan_stream_reconnects_total{reason="rotation"}')).toBe(0);
    expect(series.get('candlescan_stream_stale_series')).toBe(9);
    expect(series.get('candlescan_stream_malformed_frames_total{reason="json"}')).toBe(4);
    expect(series.get('candlescan_stream_malformed_frames_total{reason="other"}')).toBe(2);
    expect(series.get('candlescan_stream_ignored_frames_total{reason="outdated"}')).toBe(8);
    expect(series.get('candlescan_stream_coalesced_updates_total')).toBe(11);
    expect(series.get('candlescan_stream_watchdog_deferred_total')).toBe(3);
    expect(series.get('candlescan_stream_endpoint_suspect')).toBe(1);
  });

  it('stays at 0 while nothing is streamed', async () => {
    const registry = createRegistry({ prefix: '' });
    streamMetrics(registry, () => null);
    const series = await scraped(registry);
    expect(series.get('stream_connections{state="open"}')).toBe(0);
    expect(series.get('metrics_read_failures_total')).toBe(0);
  });
});
