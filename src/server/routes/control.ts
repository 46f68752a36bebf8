import { noBody, noQuery } from '../input.js';
import { reply } from '../openapi.js';
import { outputs } from '../output.js';
import { ProblemError } from '../problem.js';
import { shared } from '../shared.js';
import type { RouteContext } from './context.js';

/** Configuration errors are one line; a longer one is told in the log only. */
const LONGEST_REASON = 600;

/** What changes the running program. */
export function controlRoutes({ app, ports, clock }: RouteContext): void {
  // Two reloads at once are one.
  const reload = shared(clock, 0, async () => ports.reload());
  app.post(
    '/api/v1/reload',
    {
      config: { access: 'change' },
      schema: {
        operationId: 'reload',
        summary: 'Reads the configuration again; needs server.token to be set',
        description: 'A body may be left out, and its Content-Type with it; else it is {}.',
        querystring: noQuery,
        body: noBody,
        response: { 200: reply('What is in effect now, and what needs a restart', outputs.reloaded) },
      },
    },
    async () => {
      const outcome = await reload();
      if (!outcome.ok) {
        throw new ProblemError({ status: 422, detail: outcome.reason.slice(0, LONGEST_REASON) });
      }
      const { changed, needsRestart } = outcome;
      return { changed, needsRestart };
    },
  );
}
