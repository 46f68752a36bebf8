import { z } from 'zod';
import { parseRules } from './parse.js';

const headers = z.record(z.string(), z.string()).default({});
const bytes = z
  .int()
  .min(0)
  .max(2 ** 30);
const ms = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

/** What happens instead of, or to, the regular reply. Times are milliseconds, sizes bytes of the body on the wire. */
const actionSchema = z.discriminatedUnion('type', [
  /** Any reply; `bodyBase64` for what is no text. */
  z.strictObject({
    type: z.literal('status'),
    status: z.int().min(200).max(599).default(500),
    body: z.string().default(''),
    bodyBase64: z.base64().optional(),
    contentType: z.string().default('application/json'),
    headers,
  }),
  /** 200 with this JSON: `{}`, `[]`, a string, a number, null, `{code,msg}`. */
  z.strictObject({ type: z.literal('json'), value: z.json() }),
  /** 429; `retryAfter` is sent as it is: seconds, an HTTP date, nonsense. */
  z.strictObject({ type: z.literal('limited'), retryAfter: z.string().optional() }),
  /** 418 with the end of the ban in the text. */
  z.strictObject({ type: z.literal('banned'), forMs: ms.default(120_000), retryAfter: z.string().optional() }),
  z.strictObject({
    type: z.literal('unavailable'),
    variant: z.enum(['unknown', 'service', 'internal', 'throttled', 'maintenance']).default('service'),
  }),
  /** 403 of the firewall, HTML. */
  z.strictObject({ type: z.literal('forbidden') }),
  /** 202 of the firewall, empty. */
  z.strictObject({ type: z.literal('challenge') }),
  /** 200 with a web page. */
  z.strictObject({ type: z.literal('html') }),
  /** 200 with JSON nested so deep. */
  z.strictObject({ type: z.literal('nested'), depth: z.int().min(1).max(1_000_000).default(10_000) }),
  /** The first bytes of the body as if they were all. */
  z.strictObject({ type: z.literal('truncate'), bytes }),
  /** The first bytes of the body, then the connection is closed. */
  z.strictObject({ type: z.literal('cut'), bytes }),
  /** The headers and the first bytes of the body, then silence. */
  z.strictObject({ type: z.literal('stall'), bytes: bytes.default(0) }),
  /** So many bytes every so often. */
  z.strictObject({ type: z.literal('drip'), bytes: bytes.min(1).default(1), everyMs: ms.min(1).default(300) }),
  /** The request is read and never answered. */
  z.strictObject({ type: z.literal('noHeaders') }),
  /** RST instead of a reply. */
  z.strictObject({ type: z.literal('reset') }),
  /** The regular reply, made at once and sent late. */
  z.strictObject({ type: z.literal('slow'), delayMs: ms }),
  /** A body of that size that starts like an array of rows. */
  z.strictObject({ type: z.literal('huge'), bytes: bytes.default(300 * 2 ** 20) }),
  z.strictObject({ type: z.literal('hugeHeader'), bytes: bytes.default(10 * 2 ** 20) }),
  /** Says gzip and is not. */
  z.strictObject({ type: z.literal('badGzip') }),
  /** A content-length that is off by this much; the connection is closed after the body. */
  z.strictObject({ type: z.literal('wrongLength'), delta: z.int().default(100) }),
  /** Changes the rows of a klines reply. */
  z.strictObject({
    type: z.literal('rows'),
    change: z.enum([
      ...(['dropFirst', 'dropLast', 'dropMiddle', 'duplicate', 'reverse', 'shuffle', 'misalign', 'future'] as const),
      ...([
        'epoch',
        'microseconds',
        'elevenColumns',
        'thirteenColumns',
        'object',
        'null',
        'revise',
        'swapHighLow',
      ] as const),
    ]),
    /** Which row, where one is meant; from the end when negative. The default is the middle one. */
    row: z.int().optional(),
  }),
  /** Puts a value into one cell of a klines reply; `raw` is JSON text that need not be JSON (`NaN`). */
  z.strictObject({
    type: z.literal('cell'),
    row: z.int().default(-2),
    column: z.int().min(0).max(11).default(4),
    value: z.json().optional(),
    raw: z.string().optional(),
  }),
]);

const names = z.union([z.string(), z.array(z.string()).min(1)]).transform((text) => [text].flat());

/** One fault: which requests it is for, how often it strikes, what it does. Without conditions it strikes every request. */
const ruleSchema = z.strictObject({
  id: z.string().optional(),
  /** `/fapi/v1/klines`, or its end: `klines`. */
  path: names.optional(),
  symbol: names.optional(),
  interval: names.optional(),
  /** Of the requests that match: lets so many through first, then takes every n-th, with this probability, so many times. */
  after: z.int().min(0).default(0),
  everyNth: z.int().min(1).default(1),
  probability: z.number().min(0).max(1).default(1),
  count: z.int().min(1).optional(),
  action: actionSchema,
});

export type FaultAction = z.infer<typeof actionSchema>;
export type FaultType = FaultAction['type'];
/** The action of one type, with its own fields. */
export type TypedAction<T extends FaultType> = Extract<FaultAction, { type: T }>;
export type FaultRule = z.infer<typeof ruleSchema>;
/** A rule as it is written: defaults may be left out. */
export type FaultRuleInput = z.input<typeof ruleSchema>;

/** One rule or a list of them; see `parseRules`. */
export function parseFaultRules(input: unknown): FaultRule[] {
  return parseRules(ruleSchema, input, 'fault rule');
}
