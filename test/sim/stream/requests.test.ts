import { describe, expect, it } from 'vitest';
import { parseRequest, RequestError } from '../../../src/sim/stream/requests.js';

function refusal(text: string): unknown {
  try {
    parseRequest(text);
  } catch (error) {
    if (error instanceof RequestError) return JSON.parse(error.body);
    throw error;
  }
  return 'accepted';
}

describe('control messages', () => {
  it('reads every method', () => {
    expect(parseRequest('{"method":"SUBSCRIBE","params":["a@b","c@d"],"id":1}')).toEqual({
      method: 'SUBSCRIBE',
      streams: ['a@b', 'c@d'],
      id: 1,
    });
    expect(parseRequest('{"method":"UNSUBSCRIBE","params":[],"id":0}')).toMatchObject({ streams: [], id: 0 });
    expect(parseRequest('{"method":"LIST_SUBSCRIPTIONS","id":3}')).toEqual({ method: 'LIST_SUBSCRIPTIONS', id: 3 });
    expect(parseRequest('{"method":"SET_PROPERTY","params":["combined",false],"id":5}')).toEqual({
      method: 'SET_PROPERTY',
      combined: false,
      id: 5,
    });
    expect(parseRequest('{"method":"GET_PROPERTY","params":["combined"],"id":2}')).toEqual({
      method: 'GET_PROPERTY',
      id: 2,
    });
  });

  it.each([
    ['{"method":"GET_PROPERTY","params":["depth"],"id":1}', 0, 'Unknown property'],
    ['{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1, 'Invalid value type: expected Boolean'],
    ['{"method":"SET_PROPERTY","params":["combined"],"id":1}', 1, 'Invalid value type: expected Boolean'],
    ['{"method":"GET_PROPERTY","params":[7],"id":1}', 2, 'Invalid request: property name must be a string'],
    ['{"method":"GET_PROPERTY","id":1}', 2, 'Invalid request: property name must be a string'],
    ['{"method":"SUBSCRIBE","params":[],"id":"1"}', 2, 'Invalid request: request ID must be an unsigned integer'],
    ['{"method":"SUBSCRIBE","params":[],"id":-1}', 2, 'Invalid request: request ID must be an unsigned integer'],
    ['{"method":"SUBSCRIBE","params":[]}', 2, 'Invalid request: request ID must be an unsigned integer'],
    ['{"method":"SET_PROPERTY","params":["combined",true,1],"id":1}', 2, 'Invalid request: too many parameters'],
    ['{"params":[],"id":1}', 2, 'Invalid request: missing field `method` at line 1 column 20'],
    ['{"method":"SUBSCRIBE","params":"a@b","id":1}', 2, 'Invalid request: stream names must be an array of strings'],
    ['{"method":"SUBSCRIBE","params":[1],"id":1}', 2, 'Invalid request: stream names must be an array of strings'],
    ['[]', 2, 'Invalid request: invalid type, expected struct Request at line 1 column 0'],
  ])('refuses %s with the documented code and text', (text, code, msg) => {
    expect(refusal(text)).toEqual({ code, msg });
  });

  it('names the methods that exist, and where the unknown one ends', () => {
    expect(refusal('{"method":"SUBSCRIBED","params":[],"id":1}')).toEqual({
      code: 2,
      msg:
        'Invalid request: unknown variant SUBSCRIBED, expected one of SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, ' +
        'SET_PROPERTY, GET_PROPERTY at line 1 column 22',
    });
  });

  it('tells where a text stops being JSON', () => {
    expect(refusal('hello')).toEqual({ code: 3, msg: 'Invalid JSON: expected value at line 1 column 1' });
    const later = '{"method":"SUBSCRIBE",\n"params":["btcusdt@kline_5m"], "id":oops, "padding":"0123456789"}';
    expect(refusal(later)).toMatchObject({ code: 3 });
  });
});
