import type { Random } from '../../lib/random.js';
import { bannedReply, htmlReply, jsonReply, limitedReply, type Reply, unavailableReply } from '../rest/reply.js';
import { changeCell, changeRows } from './rows.js';
import type { FaultAction, FaultType, TypedAction } from './rule.js';

const FORBIDDEN_PAGE =
  '<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n';
const WEB_PAGE = '<!DOCTYPE html><html><head><title>Binance</title></head><body>Please wait…</body></html>';

export interface FaultContext {
  readonly now: number;
  readonly weightLimit: number;
  readonly random: Random;
  /** The reply without the fault; its body is not compressed. */
  readonly regular: Reply;
}

type Maker<T extends FaultType> = (action: TypedAction<T>, context: FaultContext) => Reply;

/** Actions that change what is said; the others only change how it is sent. */
const REPLIES: { readonly [T in FaultType]?: Maker<T> } = {
  status: statusReply,
  json: (action) => jsonReply(200, JSON.stringify(action.value)),
  limited: (action, { weightLimit }) => limitedReply(weightLimit, action.retryAfter ?? null),
  banned: (action, { now }) => bannedReply(now + action.forMs, action.retryAfter ?? null),
  unavailable: (action) => unavailableReply(action.variant),
  forbidden: () => htmlReply(403, FORBIDDEN_PAGE),
  challenge: () => ({
    status: 202,
    headers: { 'x-amzn-waf-action': 'challenge' },
    body: Buffer.alloc(0),
    gzipped: false,
  }),
  html: () => htmlReply(200, WEB_PAGE),
  nested: ({ depth }) => jsonReply(200, '['.repeat(depth) + ']'.repeat(depth)),
  badGzip: (_action, { regular }) => ({ ...regular, gzipped: true }),
  hugeHeader: (action, { regular }) => ({
    ...regular,
    headers: { ...regular.headers, 'X-Filler': 'x'.repeat(action.bytes) },
  }),
  truncate: (action, { regular }) => ({ ...regular, body: regular.body.subarray(0, action.bytes) }),
  rows: (action, { regular, random }) => changed(regular, (text) => changeRows(text, action, random)),
  cell: (action, { regular }) => changed(regular, (text) => changeCell(text, action)),
};

/** The reply that an action puts in place of the regular one. */
export function faultReply(action: FaultAction, context: FaultContext): Reply {
  const make = REPLIES[action.type] as Maker<FaultType> | undefined;
  return make === undefined ? context.regular : make(action, context);
}

function statusReply(action: TypedAction<'status'>): Reply {
  return {
    status: action.status,
    headers: { 'Content-Type': action.contentType, ...action.headers },
    body: action.bodyBase64 === undefined ? Buffer.from(action.body) : Buffer.from(action.bodyBase64, 'base64'),
    gzipped: false,
  };
}

function changed(regular: Reply, change: (text: string) => string): Reply {
  return { ...regular, body: Buffer.from(change(regular.body.toString())) };
}
