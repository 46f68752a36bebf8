import { describe, expect, it } from 'vitest';
import { parseStreamFaults } from '../../../../src/sim/stream/faults/rule.js';

describe('stream fault rules', () => {
  it('fill in what is left out', () => {
    expect(parseStreamFaults({ target: 'stream', on: 'frame', symbol: 'BTCUSDT', action: { type: 'repeat' } })).toEqual(
      [
        {
          target: 'stream',
          on: 'frame',
          symbol: ['BTCUSDT'],
          after: 0,
          everyNth: 1,
          probability: 1,
          action: { type: 'repeat', times: 2 },
        },
      ],
    );
    expect(parseStreamFaults([])).toEqual([]);
  });

  it.each([
    [{ target: 'stream', on: 'frame', action: { type: 'explode' } }, /^stream fault 0\.action\.type: .*'drop'/s],
    [{ target: 'stream', on: 'nowhere', action: { type: 'drop' } }, /^stream fault 0\.on: /],
    [{ target: 'stream', on: 'frame', interval: '7m', action: { type: 'drop' } }, /^stream fault 0\.interval: /],
    [
      { target: 'stream', on: 'frame', probability: 2, action: { type: 'drop' } },
      /^stream fault 0\.probability: .*<=1/,
    ],
    [{ target: 'stream', on: 'frame', symbols: ['A'], action: { type: 'drop' } }, /^stream fault 0: .*"symbols"/],
    [{ target: 'stream', on: 'handshake', action: { type: 'drop' } }, /^stream fault 0\.action\.type: /],
    [
      { target: 'stream', on: 'connection', action: { type: 'close', code: 1005 } },
      /^stream fault 0\.action\.code: Invalid close code: allowed are 1000-1003, 1006-1014 and 3000-4999, found /,
    ],
    ['nonsense', /^stream fault 0: .*found "nonsense"/],
    [undefined, /^stream fault 0: .*found undefined/],
  ])('refuse %j and say where and why', (rule, message) => {
    expect(() => parseStreamFaults(rule)).toThrow(message);
  });

  it('name the place in a list', () => {
    const good = { target: 'stream', on: 'frame', action: { type: 'drop' } };
    expect(() => parseStreamFaults([good, { ...good, after: -1 }])).toThrow(/^stream fault 1\.after: /);
  });
});
