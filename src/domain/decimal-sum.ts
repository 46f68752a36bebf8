import { toDecimal } from './decimal.js';

/** Exchanges state volumes with at most eight decimals. */
const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8] as const;

/** Up to here a product is off by a quarter at most, and neighbouring integers over a power of ten are different doubles. */
const MOST_SCALED = 2 ** 51;

/**
 * The sum of `values[from, to)`, none of them negative, added as the decimals that they were parsed from: 0.1 and 0.2 give
 * 0.3. The result is the double that the text of the exact sum parses to.
 *
 * Exact for decimals of up to 15 significant digits, which a double tells apart; a longer one is taken to be the shortest
 * decimal that parses to its double. Values with up to eight decimals are added as integers, all others as big ones.
 */
export function sumOfDecimals(values: ArrayLike<number>, from = 0, to = values.length): number {
  let decimals = 0;
  let scaledSum = 0;
  for (let index = from; index < to; ) {
    const value = values[index] as number;
    const power = POWERS[decimals];
    if (power === undefined) return bigSum(values, from, to);
    const scaled = Math.round(value * power);
    if (scaled > MOST_SCALED) return bigSum(values, from, to);
    // Integers over a power of ten up to 10^22 divide to the double nearest to that decimal: equality proves the digits.
    if (scaled / power === value) {
      scaledSum += scaled;
      index += 1;
    } else {
      decimals += 1;
      scaledSum *= 10;
    }
  }
  // The sum only grows, so every step was exact, and every part a safe integer, when the last one is.
  return scaledSum <= Number.MAX_SAFE_INTEGER ? scaledSum / (POWERS[decimals] as number) : bigSum(values, from, to);
}

function bigSum(values: ArrayLike<number>, from: number, to: number): number {
  const parts: (readonly [whole: string, fraction: string])[] = [];
  for (let index = from; index < to; index++) {
    const [whole = '0', fraction = ''] = toDecimal(values[index] as number).split('.');
    parts.push([whole, fraction]);
  }
  const decimals = Math.max(0, ...parts.map(([, fraction]) => fraction.length));
  const sum = parts.reduce((total, [whole, fraction]) => total + BigInt(whole + fraction.padEnd(decimals, '0')), 0n);
  return Number(`${sum}e-${decimals}`);
}
