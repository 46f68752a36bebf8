import { type Listing, PERPETUAL_DELIVERY_DATE } from '../market.js';
import { decimalFormat } from './decimal-bytes.js';
import type { Walk } from './fives.js';
import { seedOf, unit } from './hash.js';
import { baseAssets, type NamedAsset } from './names.js';
import { deliveryCode, quarterDelivery } from './quarter.js';
import type { RowFormat } from './row-writer.js';

const FIVE_MS = 300_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Ages of the young listings, in hours at the start of the day: too short for a first look at 1h, some at 15m too. */
const YOUNG_AGES_HOURS = [0, 6, 18, 30, 54, 72];

export interface SeededListing extends Listing {
  readonly index: number;
  readonly walk: Walk;
  readonly format: RowFormat;
}

/** What sets one kind of row apart from a perpetual in USDT that trades. */
type Kind = Partial<
  Pick<Listing, 'symbol' | 'contractType' | 'status' | 'quoteAsset' | 'onboardDate' | 'deliveryDate'> &
    Pick<Listing, 'underlyingType' | 'underlyingSubType'>
> & { readonly quiet?: number };

/**
 * `count` USDT perpetuals that trade, and about a quarter as many rows that a scanner must leave out: delisted (SETTLING),
 * announced (PENDING_TRADING, contract type ""), equities and commodities, perpetuals in USDC, and quarterlies.
 */
export function seededListings(seed: number, count: number, now: number): SeededListing[] {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const extra = Math.max(6, Math.round(count / 4));
  const assets = baseAssets(seed, count + extra);
  const kinds: [asset: NamedAsset, kind: Kind][] = assets
    .slice(0, count)
    .map((asset, index) => [asset, tradingKind(index, today)]);
  const others = assets.slice(count);
  const usdcCount = Math.min(count, Math.floor(extra / 5));
  for (const [index, asset] of others.slice(0, extra - usdcCount).entries()) {
    kinds.push([asset, excludedKind(index, asset, seed, today)]);
  }
  for (const asset of assets.slice(0, usdcCount)) kinds.push([asset, { quoteAsset: 'USDC' }]);
  for (const asset of assets.slice(0, 2)) kinds.push(...quarterlies(asset, now));
  return kinds.map(([asset, kind], index) => listing(seed, index, asset, kind, today));
}

/**
 * One symbol in so many is at times not traded. In 425,031 recorded 5m candles of 68 perpetuals of October 2025 it never
 * happened; here some four of a market's 530 are without a trade in a candle, so that the case is met in every slot.
 */
const QUIET_EVERY = 64;

function tradingKind(index: number, today: number): Kind {
  if (index % 100 === 23) {
    const age = YOUNG_AGES_HOURS[Math.floor(index / 100) % YOUNG_AGES_HOURS.length] as number;
    return { onboardDate: today - age * HOUR_MS };
  }
  return index % QUIET_EVERY === 15 ? { quiet: 0.3 + 0.1 * (Math.floor(index / QUIET_EVERY) % 6) } : {};
}

function excludedKind(index: number, asset: NamedAsset, seed: number, today: number): Kind {
  if (index === 0) {
    return { status: 'PENDING_TRADING', contractType: '', onboardDate: today + 3 * DAY_MS };
  }
  if (index % 3 === 1) {
    return { contractType: 'TRADIFI_PERPETUAL', underlyingType: 'EQUITY', underlyingSubType: ['TradFi'] };
  }
  const daysAgo = 10 + Math.floor(300 * unit(seedOf(seed, asset.base), 9));
  return { status: 'SETTLING', deliveryDate: today - daysAgo * DAY_MS + 9 * HOUR_MS };
}

function quarterlies(asset: NamedAsset, now: number): [NamedAsset, Kind][] {
  return (['CURRENT_QUARTER', 'NEXT_QUARTER'] as const).map((contractType, ahead) => {
    const deliveryDate = quarterDelivery(now, ahead);
    const symbol = `${asset.base}USDT_${deliveryCode(deliveryDate)}`;
    return [asset, { symbol, contractType, deliveryDate, onboardDate: deliveryDate - 182 * DAY_MS }];
  });
}

function listing(seed: number, index: number, asset: NamedAsset, kind: Kind, today: number): SeededListing {
  const { quiet = 0, ...fields } = kind;
  const quoteAsset = kind.quoteAsset ?? 'USDT';
  const pair = `${asset.base}${quoteAsset}`;
  const symbol = kind.symbol ?? pair;
  const own = seedOf(seed, symbol);
  const tickDecimals = decimalsFor(asset.price, 100_000, 7);
  const lotDecimals = decimalsFor(1 / asset.price, 0.5, 3);
  const zeros = index === 0 ? 1 : Math.floor(unit(own, 1) * 1.4);
  const longAgo = Date.UTC(2019, 8, 8) + Math.floor(unit(own, 2) * 2000) * DAY_MS;
  const onboardDate = kind.onboardDate ?? Math.min(longAgo, today - 120 * DAY_MS);
  const deliveryDate = kind.deliveryDate ?? PERPETUAL_DELIVERY_DATE;
  const decimals = { tick: tickDecimals, lot: lotDecimals };
  return {
    symbol,
    pair,
    contractType: 'PERPETUAL',
    status: 'TRADING',
    baseAsset: asset.base,
    quoteAsset,
    underlyingType: 'COIN',
    underlyingSubType: /^\p{ASCII}+$/u.test(asset.base) ? [] : ['Chinese'],
    pricePrecision: tickDecimals + zeros,
    quantityPrecision: lotDecimals,
    tickSize: decimalStep(tickDecimals, zeros),
    stepSize: decimalStep(lotDecimals, 0),
    ...fields,
    onboardDate,
    deliveryDate,
    index,
    format: {
      price: decimalFormat(tickDecimals, zeros),
      quantity: decimalFormat(lotDecimals, 0),
      quote: decimalFormat(tickDecimals + lotDecimals, zeros),
    },
    walk: walkOf(own, asset.price, decimals, { onboardDate, deliveryDate, quiet }),
  };
}

function walkOf(
  seed: number,
  price: number,
  decimals: { readonly tick: number; readonly lot: number },
  life: { readonly onboardDate: number; readonly deliveryDate: number; readonly quiet: number },
): Walk {
  // Quote volumes are ticks * lots; the bound keeps those of a calendar month well below 2^53.
  const usdPerMinute = Math.min(300 * 10 ** (3.5 * unit(seed, 3)), 1e10 / 10 ** (decimals.tick + decimals.lot));
  const baseLots = Math.max(8, Math.round((usdPerMinute / price) * 10 ** decimals.lot));
  return {
    seed,
    baseTicks: Math.round(price * 10 ** decimals.tick),
    baseLots,
    lotsShift: Math.max(0, Math.round(Math.log2(baseLots / 60))),
    sigma: 0.0005 + 0.0009 * unit(seed, 4),
    quiet: life.quiet,
    fromFive: life.onboardDate / FIVE_MS,
    untilFive: life.deliveryDate / FIVE_MS,
  };
}

/** Decimals that give `value` at least `units` steps of 10^-decimals, at most `most`. */
function decimalsFor(value: number, units: number, most: number): number {
  return Math.min(most, Math.max(0, Math.ceil(Math.log10(units / value))));
}

/** `0.10` for one decimal and one zero. */
function decimalStep(decimals: number, zeros: number): string {
  if (decimals === 0) return zeros === 0 ? '1' : `1.${'0'.repeat(zeros)}`;
  return `0.${'1'.padStart(decimals, '0')}${'0'.repeat(zeros)}`;
}
