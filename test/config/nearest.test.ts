import { describe, expect, it } from 'vitest';
import { nearest } from '../../src/config/nearest.js';

const KNOWN = ['exchange', 'exchange.id', 'exchange.restUrl', 'cycle', 'cycle.settle', 'timeframes', 'dataDir'];

describe('nearest', () => {
  it.each([
    ['exchange.resturl', 'exchange.restUrl'],
    ['exchange.rest_url', 'exchange.restUrl'],
    ['restUrl', 'exchange.restUrl'],
    ['exhange.id', 'exchange.id'],
    ['cycle.setle', 'cycle.settle'],
    ['exchange.settle', 'cycle.settle'],
    ['timeframe', 'timeframes'],
    ['datadir', 'dataDir'],
    ['exchanges', 'exchange'],
  ])('takes %s for %s', (path, known) => {
    expect(nearest(path, KNOWN)).toBe(known);
  });

  it.each(['', 'zzz', 'exchange.colour', '__proto__', 'constructor'])('takes %j for nothing', (path) => {
    expect(nearest(path, KNOWN)).toBeNull();
  });
});
