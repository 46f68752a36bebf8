import type { ServerResponse } from 'node:http';
import type { Reply } from './reply.js';

/** What every reply carries beside its own headers. */
export interface SendHead {
  /** From the exchange's clock, epoch ms. */
  readonly date: number;
  readonly usedWeight: number;
}

let dateSecond = Number.NaN;
let dateText = '';

/** An HTTP date; formatting it is a tenth of a small reply's cost, so the last second's text is kept. */
function httpDate(time: number): string {
  const second = Math.floor(time / 1_000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(second * 1_000).toUTCString();
  }
  return dateText;
}

export function sendHead(response: ServerResponse, head: SendHead, reply: Reply, contentLength: number): void {
  const lines = ['Date', httpDate(head.date), 'X-MBX-USED-WEIGHT-1M', String(head.usedWeight)];
  for (const name in reply.headers) lines.push(name, reply.headers[name] as string);
  if (reply.gzipped) lines.push('Content-Encoding', 'gzip');
  lines.push('Content-Length', String(contentLength));
  response.sendDate = false;
  response.writeHead(reply.status, lines);
}

export function sendReply(response: ServerResponse, head: SendHead, reply: Reply): void {
  if (response.destroyed) return;
  sendHead(response, head, reply, reply.body.length);
  response.end(reply.body);
}
