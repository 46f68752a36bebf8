import { noQuery, signalParams, signalsQuery } from '../input.js';
import { reply } from '../openapi.js';
import { outputs } from '../output.js';
import type { SignalFilter } from '../ports.js';
import { ProblemError } from '../problem.js';
import { InvalidInput } from '../validation.js';
import type { RouteContext } from './context.js';
import { withinBudget } from './rows.js';

export function signalRoutes(context: RouteContext): void {
  const { app, ports } = context;
  app.get(
    '/api/v1/signals',
    {
      schema: {
        operationId: 'signals',
        summary: 'Signals, newest first',
        querystring: signalsQuery,
        response: { 200: reply('A page of signals', outputs.signals) },
      },
    },
    async ({ query }) => {
      const page = await withinBudget(
        context,
        query.limit,
        () => ports.signals(query as SignalFilter),
        (found) => found?.items.length ?? 0,
      );
      if (page === null) throw new InvalidInput([UNKNOWN_CURSOR]);
      return page;
    },
  );

  app.get(
    '/api/v1/signals/:id',
    {
      schema: {
        operationId: 'signal',
        summary: 'One signal',
        params: signalParams,
        querystring: noQuery,
        response: { 200: reply('The signal', outputs.signal) },
      },
    },
    async ({ params }) => {
      const signal = await ports.signal(params.id);
      if (signal === null) throw new ProblemError({ status: 404, detail: 'path id: no signal with that id is held' });
      return signal;
    },
  );
}

const UNKNOWN_CURSOR = {
  in: 'query',
  name: 'cursor',
  found: 'one that leads nowhere',
  allowed: 'the nextCursor of the page before',
} as const;
