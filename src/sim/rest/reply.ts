import type { Content } from './content.js';

/** A reply before it is sent. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly gzipped: boolean;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const HTML_TYPE = { 'Content-Type': 'text/html' };

export function contentReply(content: Content): Reply {
  return { status: 200, headers: JSON_TYPE, body: content.bytes, gzipped: content.gzipped };
}

export function jsonReply(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: Buffer.from(text), gzipped: false };
}

export function htmlReply(status: number, text: string): Reply {
  return { status, headers: HTML_TYPE, body: Buffer.from(text), gzipped: false };
}

function errorText(code: number, msg: string): string {
  return JSON.stringify({ code, msg });
}

/** `retryAfter` is null where the exchange does not send it. */
export function limitedReply(weightLimit: number, retryAfter: string | null): Reply {
  const message =
    `Too many requests; current limit is ${weightLimit} requests per minute. ` +
    'Please use the websocket for live updates to avoid polling the API.';
  return jsonReply(429, errorText(-1003, message), retryAfter === null ? {} : { 'Retry-After': retryAfter });
}

export function bannedReply(until: number, retryAfter: string | null): Reply {
  const message =
    `Way too much request weight used; IP banned until ${until}. ` +
    'Please use the websocket for live updates to avoid bans.';
  return jsonReply(418, errorText(-1003, message), retryAfter === null ? {} : { 'Retry-After': retryAfter });
}

const UNAVAILABLE = {
  unknown: errorText(-1000, 'Unknown error, please check your request or try again later.'),
  service: errorText(-1000, 'Service Unavailable.'),
  internal: errorText(-1000, 'Internal error; unable to process your request. Please try again.'),
  throttled: errorText(-1008, 'Request throttled by system-level protection. Please try again.'),
  maintenance: errorText(-1016, 'Service is under maintenance.'),
} as const;

export function unavailableReply(variant: keyof typeof UNAVAILABLE): Reply {
  return jsonReply(503, UNAVAILABLE[variant]);
}

export function unknownPathReply(path: string, method: string): Reply {
  return jsonReply(404, errorText(-5000, `Path ${path}, Method ${method} is invalid`));
}
