import * as z from 'zod/mini';
import type { Direction, SignalStatus } from '../domain/signal.js';
import { TIMEFRAMES, type Timeframe } from '../domain/timeframe.js';
import { MAX_CANDLES, MAX_ITEMS } from './limits.js';

// The parameters of every route. One schema checks them and describes them in the OpenAPI document; the message of
// every check is what is allowed.

const DIRECTIONS = ['long', 'short'] as const satisfies readonly Direction[];
const STATUSES = ['provisional', 'confirmed', 'revoked', 'expired'] as const satisfies readonly SignalStatus[];

/** Latest instant that a Date can hold. */
const LATEST_MS = 8.64e15;

function text(pattern: RegExp, error: string, description: string) {
  return described(z.string({ error }).check(z.regex(pattern, { error })), description);
}

function oneOf<const T extends readonly string[]>(values: T) {
  return z.enum(values, { error: `one of ${values.join(' ')}` });
}

function described<T extends z.core.$ZodType>(schema: T, description: string, more: object = {}): T {
  z.globalRegistry.add(schema, { description, ...more });
  return schema;
}

function count(most: number, fallback: number, description: string) {
  const error = `a whole number from 1 to ${most}`;
  const fits = (value: string) => /^[1-9]\d{0,6}$/.test(value) && Number(value) <= most;
  const number = z.pipe(z.string({ error }).check(z.refine(fits, { error })), z.transform(Number));
  const more = { type: 'integer', minimum: 1, maximum: most };
  return described(z.prefault(number, String(fallback)), description, more);
}

/** Parsed into epoch milliseconds. */
function instant(description: string) {
  const error = 'an instant in ISO 8601 with its offset (2026-01-01T00:05:00Z), a day, or epoch milliseconds';
  return described(
    z.pipe(
      z.string({ error }).check(z.refine((value) => epochMs(value) !== null, { error })),
      z.transform((value) => epochMs(value) as number),
    ),
    `${description}: ISO 8601 with its offset (+ is written %2B in a URL), a day (its beginning in UTC), or epoch milliseconds`,
  );
}

const ISO_FORMS = [z.iso.date(), z.iso.datetime({ offset: true }), z.iso.datetime({ offset: true, precision: -1 })];

function epochMs(value: string): number | null {
  if (/^\d{1,16}$/.test(value)) return Number(value) <= LATEST_MS ? Number(value) : null;
  return ISO_FORMS.some((form) => z.safeParse(form, value).success) ? Date.parse(value) : null;
}

const symbol = () =>
  text(/^[\p{L}\p{N}_]{1,40}$/u, 'a symbol such as BTCUSDT', 'Market id of the exchange, such as BTCUSDT');
const timeframe = () => oneOf(Object.keys(TIMEFRAMES) as [Timeframe, ...Timeframe[]]);
const cursor = (description: string) => text(/^[\w.~:=-]{1,512}$/, 'the nextCursor of the page before', description);

export const noQuery = z.strictObject({});

export const signalsQuery = z
  .strictObject({
    symbol: z.optional(symbol()),
    timeframe: z.optional(timeframe()),
    analyzer: z.optional(text(/^[a-z][a-z0-9-]{0,63}$/, 'the name of an analyzer', 'Name of an analyzer')),
    direction: z.optional(oneOf(DIRECTIONS)),
    status: z.optional(oneOf(STATUSES)),
    since: z.optional(instant('Close time of the candle, this or later')),
    until: z.optional(instant('Close time of the candle, this or earlier')),
    limit: count(MAX_ITEMS, 100, 'Items of the page'),
    cursor: z.optional(cursor('nextCursor of the page before, with the same filters')),
  })
  .check(
    z.refine(({ since, until }) => since === undefined || until === undefined || since <= until, {
      path: ['since'],
      error: 'an instant that is not after until',
    }),
  );

export const signalParams = z.strictObject({
  id: text(/^[0-9a-f]{32}$/, '32 hexadecimal digits in lower case', 'Id of a signal'),
});

export const cyclesQuery = z.strictObject({ limit: count(MAX_ITEMS, 20, 'Items of the page') });

export const symbolsQuery = z.strictObject({
  limit: count(MAX_ITEMS, MAX_ITEMS, 'Items of the page'),
  cursor: z.optional(cursor('nextCursor of the page before')),
});

export const candlesParams = z.strictObject({ symbol: symbol(), timeframe: timeframe() });
export const candlesQuery = z.strictObject({ limit: count(MAX_CANDLES, 500, 'Newest candles, at most those held') });

/** Fastify gives null for a body that is not there. */
export const noBody = z.nullable(z.strictObject({}, { error: 'no body, or an empty object, {}' }));
