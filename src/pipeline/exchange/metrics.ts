import type { MetricRegistry } from '../../lib/metrics.js';
import type { WeightGovernor } from './governor.js';
import type { Endpoint, OnRequest, RequestEvent } from './requester.js';

const ENDPOINTS: Readonly<Record<Endpoint, true>> = {
  klines: true,
  time: true,
  exchangeInfo: true,
  'ticker/24hr': true,
};
const OUTCOMES: Readonly<Record<RequestEvent['outcome'], true>> = {
  ok: true,
  unreachable: true,
  deadline: true,
  throttled: true,
  banned: true,
  unavailable: true,
  badPayload: true,
  badSymbol: true,
  badRequest: true,
  circuitOpen: true,
  aborted: true,
};
/** From a neighbour of the exchange to the deadline of a request. */
const REQUEST_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The budget is read at each scrape; what is returned is for `onRequest` of the client. */
export function exchangeMetrics(
  registry: MetricRegistry,
  governor: Pick<WeightGovernor, 'weightUsed' | 'weightLimit' | 'closedForMs' | 'waiting'>,
): OnRequest {
  const endpoint = Object.keys(ENDPOINTS);
  const requests = registry.counter({
    name: 'exchange_requests_total',
    help: 'Requests sent to the exchange, retries included.',
    labels: { endpoint, outcome: Object.keys(OUTCOMES) },
  });
  const duration = registry.histogram({
    name: 'exchange_request_duration_seconds',
    help: 'From sending a request to the end of its reply, or of the patience with it.',
    labels: { endpoint },
    buckets: REQUEST_BUCKETS,
  });
  const used = registry.gauge({
    name: 'exchange_weight_used',
    help: 'Upper bound of the weight that this address has used in the current minute.',
  });
  const limit = registry.gauge({ name: 'exchange_weight_limit', help: 'Weight per minute that the exchange allows.' });
  const closedFor = registry.gauge({
    name: 'exchange_gate_closed_seconds',
    help: 'Time until requests may go out again; 0 is open.',
  });
  const waiting = registry.gauge({ name: 'exchange_requests_waiting', help: 'Requests that wait for weight.' });

  registry.onScrape(() => {
    used.set(governor.weightUsed);
    limit.set(governor.weightLimit);
    closedFor.set(governor.closedForMs / 1000);
    waiting.set(governor.waiting);
  });
  return ({ endpoint, outcome, durationMs }) => {
    requests.inc(1, { endpoint, outcome });
    duration.observe(durationMs / 1000, { endpoint });
  };
}
