import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { heldUntil, kindOf, readRefused, refusalError } from '../../../src/pipeline/exchange/classify.js';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 20);
const NEXT_MINUTE = Date.UTC(2026, 0, 1, 12, 1);
const half = () => 0.5;

function refusal(status: number, body: unknown = '', headers: Record<string, string> = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return readRefused({ status, headers, body: bytes });
}

describe('the kind of a refusal', () => {
  it.each([
    [429, { code: -1003, msg: 'Too many requests' }, 'throttled'],
    [429, '<html>', 'throttled'],
    [400, { code: -1003, msg: 'Too many requests' }, 'throttled'],
    [418, { code: -1003, msg: 'IP banned until 1' }, 'banned'],
    [418, '', 'banned'],
    [403, '<html>blocked</html>', 'unavailable'],
    [408, '', 'unavailable'],
    [500, '', 'unavailable'],
    [502, '<html>', 'unavailable'],
    [503, { code: -1016, msg: 'Service is under maintenance.' }, 'unavailable'],
    [400, { code: -1016, msg: 'This service is no longer available.' }, 'unavailable'],
    [503, { code: -1008, msg: 'Request throttled by system-level protection' }, 'unavailable'],
    [504, { code: -1007, msg: 'Timeout' }, 'unavailable'],
    [400, { code: -1001, msg: 'Disconnected' }, 'unavailable'],
    [400, { code: -1121, msg: 'Invalid symbol.' }, 'badSymbol'],
    [400, { code: -1122, msg: 'Invalid symbol status.' }, 'badSymbol'],
    [400, { code: -4144, msg: 'Invalid pair.' }, 'badSymbol'],
    [400, { code: -1120, msg: 'Invalid interval.' }, 'badRequest'],
    [400, { code: -1130, msg: "Data sent for parameter 'limit' is not valid." }, 'badRequest'],
    [404, '<html>', 'badRequest'],
    [202, '', 'badPayload'],
    [204, '', 'badPayload'],
    [301, '', 'badPayload'],
    [302, '', 'badPayload'],
  ])('%i %j is %s', (status, body, kind) => {
    expect(kindOf(refusal(status, body))).toBe(kind);
  });

  it('reads a gzip body, and survives one that is not what it says', () => {
    const packed = gzipSync('{"code":-1121,"msg":"Invalid symbol."}');
    const headers = { 'content-encoding': 'gzip' };
    expect(readRefused({ status: 400, headers, body: packed })).toMatchObject({ code: -1121 });
    const broken = readRefused({ status: 400, headers, body: packed.subarray(0, 20) });
    expect(broken).toMatchObject({ status: 400, code: undefined });
  });

  it.each(['null', '[]', '5', '"x"', '{"code":"-1121"}', '{"msg":{}}'])('survives the body %s', (body) => {
    expect(kindOf(refusal(400, body))).toBe('badRequest');
  });

  it('carries status, code and text in the error, on one line', () => {
    const error = refusalError(refusal(400, { code: -1121, msg: 'Invalid\nsymbol.' }));
    expect(error).toMatchObject({ kind: 'badSymbol', status: 400, code: -1121, retryable: false });
    expect(error.message).toBe('HTTP 400, code -1121: "Invalid symbol."');
  });
});

describe('X1: how long a 429 keeps us out', () => {
  const held = (retryAfter?: string, body: unknown = '') =>
    heldUntil(refusal(429, body), retryAfter === undefined ? {} : { 'retry-after': retryAfter }, NOW, half) - NOW;

  it.each([
    ['7', 7_000],
    [' 7 ', 7_000],
    ['0', 1_000],
    ['1000000000', 900_000],
    ['9'.repeat(400), 900_000],
    ['-5', 60_000],
    ['NaN', 60_000],
    ['7.5', 60_000],
    ['', 60_000],
    ['soon', 60_000],
    ['2030', 900_000],
    [new Date(NOW + 30_000).toUTCString(), 30_000],
    [new Date(NOW - 30_000).toUTCString(), 1_000],
    [new Date(NOW + 30 * 86_400_000).toUTCString(), 900_000],
  ])('Retry-After %j: %i ms', (retryAfter, expected) => {
    expect(held(retryAfter)).toBe(expected);
  });

  it('until the next UTC minute and a little more, when nothing is said', () => {
    expect(held()).toBe(NEXT_MINUTE - NOW + 500);
  });

  it('until the time in the text, when there is no header', () => {
    expect(held(undefined, { code: -1003, msg: `IP banned until ${NOW + 90_000}.` })).toBe(90_000);
  });
});

describe('X2: how long a 418 keeps us out', () => {
  const held = (msg: string, headers = {}) => heldUntil(refusal(418, { code: -1003, msg }), headers, NOW, half) - NOW;

  it.each([
    `Way too many requests; IP(1.2.3.4) banned until ${NOW + 120_000}. Please use the websocket for live updates to avoid bans.`,
    `Way too much request weight used; IP banned until ${NOW + 120_000}. Please use the websocket.`,
  ])('until the time in %j', (msg) => {
    expect(held(msg)).toBe(120_000);
  });

  it('until the later one of header and text', () => {
    expect(held(`banned until ${NOW + 120_000}.`, { 'retry-after': '7' })).toBe(120_000);
    expect(held(`banned until ${NOW + 120_000}.`, { 'retry-after': '200' })).toBe(200_000);
  });

  it('as long as the header says, up to the three days of the longest ban', () => {
    expect(held('', { 'retry-after': '259200' })).toBe(259_200_000);
    expect(held('', { 'retry-after': '1000000000' })).toBe(259_200_000);
  });

  it.each([
    '',
    'banned until 5',
    `banned until ${NOW - 1}.`,
    `banned until ${NOW + 30 * 86_400_000}.`,
    `banned until ${NOW}0.`,
  ])('two minutes when the text is %j', (msg) => {
    expect(held(msg)).toBe(120_000);
  });
});
