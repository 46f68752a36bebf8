const ZERO = 48;
const POINT = 46;
/** `00` to `99`, two bytes each: pairs of digits halve the divisions. */
const PAIRS = Uint8Array.from(
  { length: 200 },
  (_, index) => ZERO + (index % 2 === 0 ? Math.floor(index / 20) : (index >> 1) % 10),
);

/** How integers become the exchange's decimals: `decimals` places of the integer, then `zeros` more. */
export interface DecimalFormat {
  readonly decimals: number;
  readonly zeros: number;
  /** 10 ** decimals, because a power costs more than the rest of a row. */
  readonly scale: number;
}

export function decimalFormat(decimals: number, zeros: number): DecimalFormat {
  return { decimals, zeros, scale: 10 ** decimals };
}

/** Writes a decimal that ends before `end` and returns where it begins: the digits of a number come out last first. */
export function writeDecimal(bytes: Uint8Array, end: number, value: number, format: DecimalFormat): number {
  const { decimals, zeros, scale } = format;
  let at = end;
  for (let zero = 0; zero < zeros; zero++) bytes[--at] = ZERO;
  if (decimals === 0) {
    if (zeros > 0) bytes[--at] = POINT;
    return writeInteger(bytes, at, value, 1);
  }
  const whole = Math.floor(value / scale);
  at = writeInteger(bytes, at, value - whole * scale, decimals);
  bytes[--at] = POINT;
  return writeInteger(bytes, at, whole, 1);
}

/** Writes a non-negative integer below 2^53 that ends before `end`, with at least `width` digits; returns where it begins. */
export function writeInteger(bytes: Uint8Array, end: number, value: number, width: number): number {
  if (value < 0x7fff_ffff) return writeSmall(bytes, end, value | 0, end - width);
  const higher = Math.floor(value / 1e8);
  const at = writeSmall(bytes, end, (value - higher * 1e8) | 0, end - 8);
  return writeInteger(bytes, at, higher, width - 8);
}

/** `begin` is the last place that the first digit may have; zeros fill up to it. */
function writeSmall(bytes: Uint8Array, end: number, value: number, begin: number): number {
  let at = end;
  let rest = value;
  while (rest >= 100) {
    const higher = (rest / 100) | 0;
    const pair = (rest - higher * 100) << 1;
    bytes[--at] = PAIRS[pair + 1] as number;
    bytes[--at] = PAIRS[pair] as number;
    rest = higher;
  }
  bytes[--at] = PAIRS[(rest << 1) + 1] as number;
  if (rest >= 10) bytes[--at] = PAIRS[rest << 1] as number;
  while (at > begin) bytes[--at] = ZERO;
  return at;
}
