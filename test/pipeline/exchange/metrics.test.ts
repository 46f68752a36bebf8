import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../../src/lib/metrics.js';
import { exchangeMetrics } from '../../../src/pipeline/exchange/metrics.js';
import { startRig } from '../../support/hostile-client.js';
import { httpReply, klinesReply } from '../../support/hostile-server.js';
import { scraped } from '../../support/metrics.js';

describe('exchangeMetrics', () => {
  it('X1: counts every request by endpoint and outcome, retries too, and shows the budget and the closed gate', async () => {
    const rig = await startRig(({ socket, index }) => {
      if (index === 0) socket.write(klinesReply(3, { 'x-mbx-used-weight-1m': '40' }));
      else if (index === 1) socket.write(httpReply({ status: 500, body: '{}' }));
      else if (index === 2) socket.write(klinesReply(3, { 'x-mbx-used-weight-1m': '43' }));
      else
        socket.write(httpReply({ status: 418, headers: { 'retry-after': '120' }, body: '{"code":-1003,"msg":"ban"}' }));
    });
    await rig.klines();
    await rig.klines();
    expect(await rig.kindOf(rig.klines())).toBe('banned');

    const registry = createRegistry({ prefix: '' });
    const requested = exchangeMetrics(registry, rig.governor);
    for (const event of rig.events) requested(event);
    const series = await scraped(registry);
    expect(series.get('exchange_requests_total{endpoint="klines",outcome="ok"}')).toBe(2);
    expect(series.get('exchange_requests_total{endpoint="klines",outcome="unavailable"}')).toBe(1);
    expect(series.get('exchange_requests_total{endpoint="klines",outcome="banned"}')).toBe(1);
    expect(series.get('exchange_requests_total{endpoint="time",outcome="ok"}')).toBe(0);
    expect(series.get('exchange_request_duration_seconds_count{endpoint="klines"}')).toBe(4);
    expect(series.get('exchange_weight_limit')).toBe(2_400);
    expect(series.get('exchange_weight_used')).toBeGreaterThanOrEqual(43);
    expect(series.get('exchange_gate_closed_seconds')).toBeGreaterThan(100);
  });

  it('shows an open gate as 0', async () => {
    const registry = createRegistry({ prefix: '' });
    exchangeMetrics(registry, { weightUsed: 12, weightLimit: 2_400, closedForMs: 0, waiting: 3 });
    const series = await scraped(registry);
    expect(series.get('exchange_gate_closed_seconds')).toBe(0);
    expect(series.get('exchange_weight_used')).toBe(12);
    expect(series.get('exchange_requests_waiting')).toBe(3);
  });
});
