/** A candle in the digits of a file. */
export interface Bar {
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
}

/**
 * Folds bars into a longer one as the exchange does: a bar without volume carries the previous close and is ignored, unless
 * none has volume. Prices keep their digits, volumes are added as decimals.
 */
export function foldBars(bars: readonly [Bar, ...Bar[]]): Bar {
  const traded = bars.filter((bar) => Number(bar.volume) > 0);
  const counted = traded.length > 0 ? traded : bars;
  const [first] = counted as [Bar, ...Bar[]];
  let [high, low] = [first.high, first.low];
  for (const bar of counted) {
    if (Number(bar.high) > Number(high)) high = bar.high;
    if (Number(bar.low) < Number(low)) low = bar.low;
  }
  const close = (counted[counted.length - 1] as Bar).close;
  return { open: first.open, high, low, close, volume: addDecimals(bars.map((bar) => bar.volume)) };
}

/**
 * What has traded after a `share` (0 to 1) of the bar's time, in four steps and in the file's own prices: the open, the
 * extreme against the bar's direction, the other one, the close. The volume comes in quarters.
 */
export function partialBar(bar: Bar, share: number): Bar {
  const { open, high, low, close, volume } = bar;
  const quarter = Math.min(3, Math.floor(share * 4));
  if (quarter === 3 || Number(volume) === 0) return bar;
  const rising = Number(close) >= Number(open);
  const seen = [open, rising ? low : high, rising ? high : low].slice(0, quarter + 1);
  const ascending = [...seen].sort((a, b) => Number(a) - Number(b));
  return {
    open,
    high: ascending[ascending.length - 1] as string,
    low: ascending[0] as string,
    close: seen[seen.length - 1] as string,
    volume: quarters(volume, quarter + 1),
  };
}

/** The price at the end of `bar` when nobody trades any more. */
export function flatBar({ close }: Bar): Bar {
  return { open: close, high: close, low: close, close, volume: '0' };
}

function quarters(decimal: string, count: number): string {
  const decimals = decimalsOf(decimal);
  const units = (scaled(decimal, decimals) * BigInt(count)) / 4n;
  return unscaled(units === 0n ? 1n : units, decimals);
}

function addDecimals(texts: readonly string[]): string {
  const [only] = texts;
  if (texts.length === 1 && only !== undefined) return only;
  const decimals = Math.max(...texts.map(decimalsOf));
  return unscaled(
    texts.reduce((sum, text) => sum + scaled(text, decimals), 0n),
    decimals,
  );
}

export function decimalsOf(text: string): number {
  const point = text.indexOf('.');
  return point < 0 ? 0 : text.length - point - 1;
}

function scaled(text: string, decimals: number): bigint {
  return BigInt(text.replace('.', '') + '0'.repeat(decimals - decimalsOf(text)));
}

function unscaled(units: bigint, decimals: number): string {
  if (decimals === 0) return units.toString();
  const digits = units.toString().padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
