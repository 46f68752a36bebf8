import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DURATION_PATTERN, formatDuration, parseDuration } from '../../src/lib/duration.js';

describe('duration', () => {
  it.each([
    ['250ms', 250],
    ['2s', 2_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['0s', 0],
  ])('reads %s as %d ms', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs);
  });

  it.each(['', '5', '5m ', ' 5m', '5 m', '-1s', '+1s', '1.5s', '05m', '1e3s', 'NaN', '5M', '1h30m', '5m\n', '٣s', 's'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeNull();
    },
  );

  it('refuses what is too long to be exact', () => {
    expect(parseDuration(`${Number.MAX_SAFE_INTEGER}ms`)).toBe(Number.MAX_SAFE_INTEGER);
    expect(parseDuration(`${Number.MAX_SAFE_INTEGER}s`)).toBeNull();
    expect(parseDuration(`${'9'.repeat(400)}d`)).toBeNull();
  });

  it('writes the largest unit that divides exactly', () => {
    expect([0, 999, 2_500, 60_000, 90_000, 86_400_000, 90_000_000].map(formatDuration)).toEqual([
      '0ms',
      '999ms',
      '2500ms',
      '1m',
      '90s',
      '1d',
      '25h',
    ]);
  });

  it('reads back every duration it writes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (durationMs) => {
        const text = formatDuration(durationMs);
        expect(text).toMatch(DURATION_PATTERN);
        expect(parseDuration(text)).toBe(durationMs);
      }),
    );
  });

  it('reads amount times unit, whatever the amount', () => {
    const unitMs = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
    fc.assert(
      fc.property(fc.nat(100_000_000), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (amount, unit) => {
        expect(parseDuration(`${amount}${unit}`)).toBe(amount * unitMs[unit]);
      }),
    );
  });

  it('reads nothing that is not an amount and a unit', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/^(0|[1-9]\d*)(ms|s|m|h|d)$/.test(text)) expect(parseDuration(text)).toBeNull();
      }),
    );
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('does not write %d', (durationMs) => {
    expect(() => formatDuration(durationMs)).toThrow(`found ${durationMs}, allowed a whole number from 0`);
  });
});
