import { candlesParams, candlesQuery, cyclesQuery, noQuery, symbolsQuery } from '../input.js';
import { reply } from '../openapi.js';
import { outputs } from '../output.js';
import type { Page, SymbolItem } from '../ports.js';
import { ProblemError } from '../problem.js';
import type { RouteContext } from './context.js';
import { withinBudget } from './rows.js';

/** What the scanner does and looks at: status, cycles, symbols, analyzers, candles. */
export function scannerRoutes(context: RouteContext): void {
  const { app, ports } = context;
  app.get(
    '/api/v1/status',
    {
      config: { shedFrom: null },
      schema: {
        operationId: 'status',
        summary: 'How the scanner is doing',
        querystring: noQuery,
        response: { 200: reply('The status', outputs.status) },
      },
    },
    () => ports.status(),
  );

  app.get(
    '/api/v1/cycles',
    {
      schema: {
        operationId: 'cycles',
        summary: 'The last cycles, newest first',
        querystring: cyclesQuery,
        response: { 200: reply('Cycles', outputs.cycles) },
      },
    },
    async ({ query: { limit } }) => whole(await withinBudget(context, limit, () => ports.cycles(limit), lengthOf)),
  );

  app.get(
    '/api/v1/symbols',
    {
      schema: {
        operationId: 'symbols',
        summary: 'The symbols that are scanned, in the order of their names',
        querystring: symbolsQuery,
        response: { 200: reply('A page of symbols', outputs.symbols) },
      },
    },
    ({ query: { limit, cursor } }) =>
      withinBudget(
        context,
        limit,
        () => symbolsAfter(ports.symbols(), cursor, limit),
        ({ items }) => items.length,
      ),
  );

  app.get(
    '/api/v1/analyzers',
    {
      schema: {
        operationId: 'analyzers',
        summary: 'The analyzers that run',
        querystring: noQuery,
        response: { 200: reply('Analyzers', outputs.analyzers) },
      },
    },
    () => whole(ports.analyzers()),
  );
  candleRoute(context);
}

function candleRoute(context: RouteContext): void {
  const { app, ports } = context;
  app.get(
    '/api/v1/candles/:symbol/:timeframe',
    {
      config: { shedFrom: 2 },
      schema: {
        operationId: 'candles',
        summary: 'The closed candles that are held, ascending, each with its source',
        params: candlesParams,
        querystring: candlesQuery,
        response: { 200: reply('The newest candles', outputs.candles) },
      },
    },
    async ({ params: { symbol, timeframe }, query: { limit } }) => {
      const candles = await withinBudget(context, limit, () => ports.candles(symbol, timeframe, limit), lengthOf);
      if (candles === null) throw new ProblemError(NO_CANDLES);
      return { symbol, timeframe, candles };
    },
  );
}

const NO_CANDLES = {
  status: 404,
  detail: 'path: no candles of that symbol and timeframe are held; see /api/v1/symbols and /api/v1/status',
};

function lengthOf(items: readonly unknown[] | null): number {
  return items?.length ?? 0;
}

/** A list that is never longer than one page. */
function whole<T>(items: readonly T[]): Page<T> {
  return { items, nextCursor: null };
}

/** A page of the symbols by name; its cursor is the last name of the page before, in base64url to stay ASCII. */
function symbolsAfter(all: readonly SymbolItem[], cursor: string | undefined, limit: number): Page<SymbolItem> {
  const after = cursor === undefined ? '' : Buffer.from(cursor, 'base64url').toString();
  const rest = [...all].sort((a, b) => compare(a.symbol, b.symbol)).filter(({ symbol }) => symbol > after);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  const more = rest.length > items.length && last !== undefined;
  return { items, nextCursor: more ? Buffer.from(last.symbol).toString('base64url') : null };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
