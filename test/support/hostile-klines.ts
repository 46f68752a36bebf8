import type { Random } from '../../src/lib/random.js';

export const SLOT = Date.UTC(2026, 0, 1, 12);
export const STEP_MS = 300_000;
export const MOST_ROWS = 6;

/** JSON texts of what is no decimal between quotes, or none that a price may be. */
const CELLS = [
  '"NaN"',
  '"Infinity"',
  '"-Infinity"',
  '"1e400"',
  '"1e308"',
  '"1.5e3"',
  '""',
  '" "',
  '" 1"',
  '"1,5"',
  '"1_0"',
  '"-5"',
  '"+5"',
  '"0x10"',
  '".5"',
  '"5."',
  '"1.2.3"',
  '"abc"',
  '"\\u0663"',
  '"\\u0000"',
  '"0"',
  '"0.0"',
  '"-0"',
  'null',
  'true',
  '1e400',
  '-1e400',
  '1e308',
  '-5',
  '-0',
  '0.1',
  '1767225600000',
  '1767225600000000',
  '5e-324',
  '[]',
  '[1]',
  '[[1]]',
  '{}',
  '{"__proto__":[1]}',
  '{"length":12}',
  '{"valueOf":1}',
  `"${'9'.repeat(400)}"`,
  `"${'9'.repeat(41)}"`,
  `"1.${'3'.repeat(30)}"`,
  '"99999999999999999999"',
  '"<img onerror=x>"',
] as const;
/** In place of a row. */
const NO_ROWS = ['[]', '[[]]', '[null]', '[["1"]]'] as const;
/** In place of a reply. */
const NO_REPLIES = [
  '{}',
  'null',
  '5',
  '"x"',
  '[1]',
  '[null]',
  '[{}]',
  '[[],{"__proto__":[1],"length":12}]',
  '{"code":-1000,"msg":"x"}',
  '<html>',
];
/** How far the open time is off its place: off the grid, in the past, in the future, in 1970, in microseconds. */
const SHIFTS = [1, -1, 7_000, -STEP_MS, STEP_MS, 2 * STEP_MS, 365 * 86_400_000, -SLOT, SLOT * 999];

export interface HostileReply {
  readonly text: string;
  /** Rows in it, good or bad; null when it is no list of rows at all. */
  readonly rows: number | null;
}

/** A reply to a klines request with whatever an exchange, a proxy or an enemy could put into it. Cheap: a million are made in seconds. */
export function hostileReply(random: Random): HostileReply {
  if (random() < 0.02) return { text: oneOf(random, NO_REPLIES), rows: null };
  const count = 1 + Math.floor(random() * MOST_ROWS);
  const rows = Array.from({ length: count }, (_, index) => row(random, SLOT - (count - index) * STEP_MS));
  if (random() < 0.1) rows.reverse();
  return { text: `[${rows.join()}]`, rows: count };
}

function row(random: Random, place: number): string {
  const kind = random();
  if (kind < 0.03) return oneOf(random, NO_ROWS);
  const openTime = kind < 0.15 ? place + oneOf(random, SHIFTS) : place;
  const cells = [`${openTime}`, ...prices(random), `${openTime + STEP_MS - 1}`, '"5.1"', '3', '"1"', '"2"', '"0"'];
  for (let damage = kind < 0.6 ? Math.floor(random() * 3) : 0; damage > 0; damage--) {
    cells[Math.floor(random() * cells.length)] = oneOf(random, CELLS);
  }
  if (random() < 0.03) cells.pop();
  if (random() < 0.03) cells.push('"0"');
  return `[${cells.join()}]`;
}

/** Open, high, low, close and volume; now and then in no order that prices can have. */
function prices(random: Random): string[] {
  const price = () => `"${(1 + random() * 99).toFixed(4)}"`;
  const volume = `"${(random() * 1_000).toFixed(3)}"`;
  return random() < 0.1 ? [price(), price(), price(), price(), volume] : ['"50.5"', '"100"', '"1"', price(), volume];
}

function oneOf<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}
