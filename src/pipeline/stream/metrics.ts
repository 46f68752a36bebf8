import type { MetricRegistry } from '../../lib/metrics.js';
import type { LossReason, StreamStats } from './contract.js';

const LOSSES: Readonly<Record<LossReason, true>> = {
  handshake: true,
  network: true,
  closed: true,
  silent: true,
  protocol: true,
  shutdown: true,
  rotation: true,
  stopped: true,
};
const CONNECTION_STATES = ['waiting', 'connecting', 'open', 'draining'] as const;
const SUBSCRIPTION_STATES = ['wanted', 'pending', 'confirmed'] as const;
const IGNORED = ['outdated', 'unsubscribed', 'unknown', 'refused'] as const;
const MALFORMED = ['json', 'binary', 'shape', 'number', 'negative', 'range', 'grid', 'future'];

/** The connections of the stream and what they bring, read at each scrape; null while nothing is streamed. */
export function streamMetrics(registry: MetricRegistry, read: () => StreamStats | null): void {
  const connections = registry.gauge({
    name: 'stream_connections',
    help: 'Connections by state.',
    labels: { state: CONNECTION_STATES },
  });
  const subscriptions = registry.gauge({
    name: 'stream_subscriptions',
    help: 'Streams by state; only data confirms.',
    labels: { state: SUBSCRIPTION_STATES },
  });
  const stale = registry.gauge({
    name: 'stream_stale_series',
    help: 'Series whose stream did not bring the newest candle in time.',
  });
  const suspect = registry.gauge({
    name: 'stream_endpoint_suspect',
    help: '1 while every connection is accepted and stays mute: the path or the host is probably wrong or retired.',
  });
  const count = streamCounters(registry);

  registry.onScrape(() => {
    const stats = read();
    if (stats === null) return;
    for (const state of CONNECTION_STATES) connections.set(stats.connections[state], { state });
    for (const state of SUBSCRIPTION_STATES) subscriptions.set(stats.streams[state], { state });
    stale.set(stats.staleSeries);
    suspect.set(Number(stats.endpointSuspect));
    count(stats);
  });
}

function streamCounters(registry: MetricRegistry): (stats: StreamStats) => void {
  const messages = registry.counter({ name: 'stream_messages_total', help: 'Messages received.' });
  const connects = registry.counter({ name: 'stream_connects_total', help: 'Attempts to connect.' });
  const reconnects = registry.counter({
    name: 'stream_reconnects_total',
    help: 'Connections that ended or were replaced, by why.',
    labels: { reason: Object.keys(LOSSES) },
  });
  const malformed = registry.counter({
    name: 'stream_malformed_frames_total',
    help: 'Frames that break what the protocol promises, by how.',
    labels: { reason: MALFORMED },
  });
  const ignored = registry.counter({
    name: 'stream_ignored_frames_total',
    help: 'Sound frames that changed nothing, by why.',
    labels: { reason: IGNORED },
  });
  const coalesced = registry.counter({
    name: 'stream_coalesced_updates_total',
    help: 'Updates of forming candles that a newer one replaced before they were delivered.',
  });
  const deferred = registry.counter({
    name: 'stream_watchdog_deferred_total',
    help: 'Silences of a connection that were only our own lateness.',
  });

  return (stats) => {
    messages.follow([stats.messages]);
    connects.follow([stats.connects]);
    reconnects.follow(...Object.entries(stats.reconnects).map(([reason, total]) => [total, { reason }] as const));
    malformed.follow(...Object.entries(stats.malformed).map(([reason, total]) => [total, { reason }] as const));
    ignored.follow(...IGNORED.map((reason) => [stats[reason], { reason }] as const));
    coalesced.follow([stats.coalesced]);
    deferred.follow([stats.watchdogDeferred]);
  };
}
