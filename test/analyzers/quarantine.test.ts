import { describe, expect, it } from 'vitest';
import { Quarantine } from '../../src/analyzers/quarantine.js';

const MINUTE = 60_000;

function failing(times: number, nowMs = 0): Quarantine {
  const quarantine = new Quarantine();
  for (let count = 0; count < times; count++) quarantine.failed('a', 'was slow', nowMs);
  return quarantine;
}

describe('quarantine', () => {
  it('begins with the third failure in a row', () => {
    const quarantine = failing(2);
    expect(quarantine.admits('a', 0)).toBe(true);
    expect(quarantine.list).toEqual([]);
    expect(quarantine.failed('a', 'was slow', 1_000)).toEqual({
      analyzer: 'a',
      reason: 'was slow',
      untilMs: 1_000 + 5 * MINUTE,
    });
    expect(quarantine.admits('a', 1_000)).toBe(false);
    expect(quarantine.admits('b', 1_000)).toBe(true);
  });

  it('does not begin when a success came in between', () => {
    const quarantine = failing(2);
    quarantine.succeeded('a');
    quarantine.failed('a', 'was slow', 0);
    quarantine.failed('a', 'was slow', 0);
    expect(quarantine.list).toEqual([]);
  });

  it('lets one batch try when its time is over, while the others still skip', () => {
    const quarantine = failing(3);
    expect(quarantine.admits('a', 5 * MINUTE - 1)).toBe(false);
    expect(quarantine.admits('a', 5 * MINUTE)).toBe(true);
    expect(quarantine.admits('a', 5 * MINUTE)).toBe(false);
  });

  it('ends with a success', () => {
    const quarantine = failing(3);
    quarantine.admits('a', 5 * MINUTE);
    quarantine.succeeded('a');
    expect(quarantine.list).toEqual([]);
    expect(quarantine.admits('a', 5 * MINUTE)).toBe(true);
  });

  it('doubles with every failed try, up to four hours', () => {
    const quarantine = failing(3);
    const lengths = Array.from({ length: 8 }, () => {
      const nowMs = quarantine.list[0]?.untilMs as number;
      expect(quarantine.admits('a', nowMs)).toBe(true);
      return ((quarantine.failed('a', 'was slow', nowMs)?.untilMs as number) - nowMs) / MINUTE;
    });
    expect(lengths).toEqual([10, 20, 40, 80, 160, 240, 240, 240]);
  });
});
