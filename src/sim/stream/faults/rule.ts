import { z } from 'zod';
import { parseRules } from '../../faults/parse.js';
import { INTERVALS } from '../../market/interval.js';
import { METHODS } from '../requests.js';

const ms = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const bytes = z
  .int()
  .min(0)
  .max(2 ** 30);

function oneOrMore<T extends z.ZodType>(item: T) {
  return z.union([item, z.array(item).min(1)]).transform((value) => [value].flat() as z.output<T>[]);
}

/** What every rule has. Of the events that it is for, it strikes as `after`, `everyNth`, `probability` and `count` say. */
const shared = {
  target: z.literal('stream'),
  id: z.string().optional(),
  /** Lets so many through first, then takes every n-th, with this probability, so many times. */
  after: z.int().min(0).default(0),
  everyNth: z.int().min(1).default(1),
  probability: z.number().min(0).max(1).default(1),
  count: z.int().min(1).optional(),
};
/** Connections are numbered from 1 in the order in which they were opened. */
const connection = oneOrMore(z.int().min(1)).optional();

/** In place of an upgrade. */
const handshakeAction = z.discriminatedUnion('type', [
  /** No answer, ever. */
  z.strictObject({ type: z.literal('blackHole') }),
  /** An answer whose head never ends, a byte every so often. */
  z.strictObject({ type: z.literal('drip'), everyMs: ms.min(1).default(1_000) }),
  /** The regular answer, late. */
  z.strictObject({ type: z.literal('slow'), delayMs: ms }),
  /** RST. */
  z.strictObject({ type: z.literal('refuse') }),
  z.strictObject({
    type: z.literal('status'),
    status: z.int().min(200).max(599),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.string().default(''),
  }),
  /** The regular answer with a `Sec-WebSocket-Accept` that does not fit the key. */
  z.strictObject({ type: z.literal('badAccept') }),
  z.strictObject({ type: z.literal('hugeHeaders'), bytes: bytes.default(2 ** 20) }),
]);

/** In place of what a control message gets. */
const requestAction = z.discriminatedUnion('type', [
  /** Nothing is done and nothing answered. */
  z.strictObject({ type: z.literal('ignore') }),
  /** Acknowledged, but only the first half of the streams is subscribed. */
  z.strictObject({ type: z.literal('partial') }),
  /** Acknowledged, and nothing is done. */
  z.strictObject({ type: z.literal('ackOnly') }),
  /** Done, and acknowledged under the next id. */
  z.strictObject({ type: z.literal('wrongId') }),
  /** Done at once, and acknowledged late. */
  z.strictObject({ type: z.literal('lateAck'), delayMs: ms }),
  /** Refused; bare or in an envelope with the id. */
  z.strictObject({
    type: z.literal('error'),
    code: z.int().default(2),
    msg: z.string().default('Invalid request'),
    envelope: z.boolean().default(false),
  }),
]);

/** What happens to an event on its way to one connection. */
const frameAction = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('drop') }),
  /** Sent so many times: 2 is a duplicate, 10 a flood. */
  z.strictObject({ type: z.literal('repeat'), times: z.int().min(2).max(1_000).default(2) }),
  z.strictObject({ type: z.literal('delay'), delayMs: ms }),
  /** Sent after the next event of the same stream. */
  z.strictObject({ type: z.literal('reorder') }),
  /** Followed by the same candle with another close; events that are no candle stay as they are. */
  z.strictObject({ type: z.literal('revise'), afterMs: ms.default(0) }),
  /** With the keys `st` and `ps`, as many streams have them. */
  z.strictObject({ type: z.literal('extraKeys') }),
]);

/** What is done to a connection that stands. */
const connectionAction = z.discriminatedUnion('type', [
  /** 1006 is no code that can be sent: RST. */
  z.strictObject({
    type: z.literal('close'),
    code: z
      .int()
      .refine(isCloseCode, 'Invalid close code: allowed are 1000-1003, 1006-1014 and 3000-4999')
      .default(1000),
    reason: z.string().max(120).default(''),
  }),
  /** FIN without a close frame. */
  z.strictObject({ type: z.literal('end') }),
  /** Half-open: nothing is read or written any more, and nobody is told. */
  z.strictObject({ type: z.literal('freeze') }),
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({ type: z.literal('event'), value: z.json() }),
  z.strictObject({ type: z.literal('serverShutdown') }),
  /** A kline of a symbol, by default one that this connection has not subscribed. */
  z.strictObject({
    type: z.literal('strayEvent'),
    symbol: z.string().optional(),
    interval: z.enum(INTERVALS).default('5m'),
  }),
  /** Bytes that break the protocol. */
  z.strictObject({
    type: z.literal('badFrame'),
    kind: z.enum(['invalidUtf8', 'reservedBits', 'badOpcode', 'masked', 'fragmentedPing']),
  }),
  z.strictObject({ type: z.literal('garbage'), bytes: bytes.min(1).default(256) }),
  /** One message of that size. */
  z.strictObject({ type: z.literal('huge'), bytes: bytes.min(65_536).default(50 * 2 ** 20) }),
  /** One message in so many empty fragments. */
  z.strictObject({ type: z.literal('fragments'), count: z.int().min(2).max(10_000_000).default(1_000_000) }),
  /** One message of that size in segments of one byte; no other data meanwhile. */
  z.strictObject({
    type: z.literal('trickle'),
    bytes: bytes.min(1).max(65_535).default(2_000),
    everyMs: ms.default(1),
  }),
]);

const ruleSchema = z.discriminatedUnion('on', [
  z.strictObject({ ...shared, on: z.literal('handshake'), action: handshakeAction }),
  z.strictObject({
    ...shared,
    on: z.literal('request'),
    connection,
    method: oneOrMore(z.enum(METHODS)).optional(),
    action: requestAction,
  }),
  z.strictObject({
    ...shared,
    on: z.literal('frame'),
    connection,
    /** `btcusdt@kline_1m` */
    stream: oneOrMore(z.string()).optional(),
    symbol: oneOrMore(z.string()).optional(),
    interval: oneOrMore(z.enum(INTERVALS)).optional(),
    /** Only events that call a candle closed, or only others. */
    closed: z.boolean().optional(),
    action: frameAction,
  }),
  z.strictObject({
    ...shared,
    on: z.literal('connection'),
    connection,
    /** Exchange time, epoch ms, or so long from now; at once without either. Then again every so often. */
    atMs: z.int().min(0).optional(),
    afterMs: ms.optional(),
    everyMs: ms.min(1).optional(),
    action: connectionAction,
  }),
]);

export type StreamFaultRule = z.output<typeof ruleSchema>;
/** A rule as it is written: defaults may be left out. */
export type StreamFaultInput = z.input<typeof ruleSchema>;
export type RuleOn<On extends StreamFaultRule['on']> = Extract<StreamFaultRule, { on: On }>;
export type HandshakeAction = z.output<typeof handshakeAction>;
export type RequestAction = z.output<typeof requestAction>;
export type FrameAction = z.output<typeof frameAction>;
export type ConnectionAction = z.output<typeof connectionAction>;

/** One rule or a list of them; see `parseRules`. */
export function parseStreamFaults(input: unknown): StreamFaultRule[] {
  return parseRules(ruleSchema, input, 'stream fault');
}

function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005) || (code >= 3000 && code <= 4999);
}
