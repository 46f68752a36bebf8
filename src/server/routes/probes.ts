import { sendProblem } from '../errors.js';
import { noQuery } from '../input.js';
import { SCRAPE_TTL_MS } from '../limits.js';
import { reply } from '../openapi.js';
import { outputs } from '../output.js';
import { PROBLEM_TYPE } from '../problem.js';
import { shared } from '../shared.js';
import type { RouteContext } from './context.js';

/** What supervisors and Prometheus look at: `/healthz`, `/readyz`, `/metrics`. */
export function probeRoutes({ app, ports, clock }: RouteContext): void {
  const openedMs = clock.monotonic();
  app.get(
    '/healthz',
    {
      config: { access: 'open', shedFrom: null },
      schema: {
        operationId: 'health',
        summary: 'Whether the process lives',
        security: [],
        querystring: noQuery,
        response: { 200: reply('It does', outputs.health) },
      },
    },
    () => ({
      status: 'ok',
      uptimeSeconds: Math.round((clock.monotonic() - openedMs) / 100) / 10,
      version: ports.version,
    }),
  );

  app.get(
    '/readyz',
    {
      config: { shedFrom: null },
      schema: {
        operationId: 'readiness',
        summary: 'Whether the data is fresh',
        querystring: noQuery,
        response: {
          200: reply('It is, and in spite of what', outputs.ready),
          503: reply('It is not, with the reasons', outputs.notReady, PROBLEM_TYPE),
        },
      },
    },
    (_request, response) => {
      const reasons = ports.unready();
      const memoryPressure = ports.memoryPressure();
      if (reasons.length === 0) return { ready: true, degraded: ports.degraded(), memoryPressure };
      const detail = `not ready: ${reasons.map(({ reason }) => reason).join(' ')}`;
      return sendProblem(response, { status: 503, detail, extension: { ready: false, reasons, memoryPressure } });
    },
  );

  const scrape = shared(clock, SCRAPE_TTL_MS, async () => {
    const { contentType, body } = await ports.metrics();
    return { contentType, body: Buffer.from(body) };
  });
  app.get(
    '/metrics',
    {
      config: { shedFrom: null },
      schema: {
        operationId: 'metrics',
        summary: 'Metrics for Prometheus, at most a second old',
        querystring: noQuery,
        response: { 200: reply('Text exposition format', outputs.metrics, 'text/plain') },
      },
    },
    async (_request, response) => {
      const { contentType, body } = await scrape();
      return response.type(contentType).send(body);
    },
  );
}
