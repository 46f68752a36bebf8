/** Whole quantities written as a number and its unit (`5m`, `64MiB`), held as a count of the smallest unit. */
export interface Quantity {
  /** What `parse` accepts; usable as a JSON Schema pattern. */
  readonly pattern: RegExp;
  /** The count, or null when the text is not such a quantity or too large to be exact. */
  readonly parse: (text: string) => number | null;
  /** The shortest exact text, in the largest unit that divides the count; throws RangeError unless it is a safe whole number from 0. */
  readonly format: (count: number) => string;
}

/** `units` maps each unit to its size in the smallest one, which comes first and is 1; ascending. */
export function quantity(units: Readonly<Record<string, number>>): Quantity {
  const largestFirst = Object.entries(units).toReversed();
  const pattern = new RegExp(`^(0|[1-9][0-9]*)(${Object.keys(units).join('|')})$`);
  return {
    pattern,
    parse: (text) => {
      const [, amount = '', unit = ''] = pattern.exec(text) ?? [];
      const count = Number(amount) * (units[unit] ?? Number.NaN);
      return Number.isSafeInteger(count) ? count : null;
    },
    format: (count) => {
      if (!Number.isSafeInteger(count) || count < 0) {
        throw new RangeError(`found ${count}, allowed a whole number from 0`);
      }
      const fits = ([, size]: [string, number]) => count % size === 0 && (count > 0 || size === 1);
      const [unit, size] = largestFirst.find(fits) ?? ['', 1];
      return `${count / size}${unit}`;
    },
  };
}
