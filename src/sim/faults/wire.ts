import type { ServerResponse } from 'node:http';
import type { Cancel, Clock } from '../../lib/clock.js';
import type { Reply } from '../rest/reply.js';
import { type SendHead, sendHead, sendReply } from '../rest/send.js';
import type { FaultAction, FaultType, TypedAction } from './rule.js';

const HUGE_START = '[[1767225600000,"1","1","1","1","1",1767225899999,"1",1,"1","1","0"]';
const HUGE_CHUNK = Buffer.from(',[1767225600000,"1","1","1","1","1",1767225899999,"1",1,"1","1","0"]'.repeat(900));

interface Delivery {
  readonly response: ServerResponse;
  readonly head: SendHead;
  readonly reply: Reply;
  readonly clock: Clock;
}
type Sender<T extends FaultType> = (action: TypedAction<T>, delivery: Delivery) => void;

/** Actions that cut a reply, slow it down or hold it back. */
const SENDERS: { readonly [T in FaultType]?: Sender<T> } = {
  noHeaders: () => {},
  reset: (_action, { response }) => response.socket?.resetAndDestroy(),
  slow: ({ delayMs }, { response, head, reply, clock }) =>
    response.once(
      'close',
      clock.setTimer(delayMs, () => sendReply(response, head, reply)),
    ),
  cut: ({ bytes }, { response, head, reply }) => {
    sendHead(response, head, reply, reply.body.length);
    response.write(reply.body.subarray(0, bytes), () => response.destroy());
  },
  stall: ({ bytes }, { response, head, reply }) => {
    sendHead(response, head, reply, reply.body.length);
    response.flushHeaders();
    if (bytes > 0) response.write(reply.body.subarray(0, bytes));
  },
  drip,
  huge: ({ bytes }, { response, head, reply }) => {
    sendHead(response, head, reply, bytes);
    pour(response, bytes);
  },
  wrongLength: ({ delta }, { response, head, reply }) => {
    sendHead(response, head, reply, Math.max(0, reply.body.length + delta));
    response.write(reply.body, () => response.socket?.end());
  },
};

/** Sends a reply as the action would have it. */
export function sendFaulty(action: FaultAction, delivery: Delivery): void {
  const send = SENDERS[action.type] as Sender<FaultType> | undefined;
  if (send === undefined) sendReply(delivery.response, delivery.head, delivery.reply);
  else send(action, delivery);
}

function drip({ bytes, everyMs }: TypedAction<'drip'>, { response, head, reply, clock }: Delivery): void {
  const { body } = reply;
  let sent = 0;
  let cancel: Cancel = () => {};
  const next = () => {
    response.write(body.subarray(sent, sent + bytes));
    sent += bytes;
    if (sent >= body.length) response.end();
    else cancel = clock.setTimer(everyMs, next);
  };
  response.once('close', () => cancel());
  sendHead(response, head, reply, body.length);
  next();
}

/** Writes rows up to the size, as fast as the client reads and no faster. */
function pour(response: ServerResponse, size: number): void {
  let sent = 0;
  const write = (chunk: Buffer): void => {
    const piece = chunk.subarray(0, size - sent);
    sent += piece.length;
    const next = () => (sent < size ? write(HUGE_CHUNK) : response.end());
    if (response.destroyed) return;
    if (response.write(piece)) setImmediate(next);
    else response.once('drain', next);
  };
  write(Buffer.from(HUGE_START));
}
