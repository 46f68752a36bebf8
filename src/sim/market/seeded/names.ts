import { hash } from './hash.js';

/** Base assets that people know, with a price of the right magnitude in USDT. */
const KNOWN: readonly (readonly [base: string, price: number])[] = [
  ...([
    ['BTC', 86_000],
    ['ETH', 3_000],
    ['SOL', 140],
    ['XRP', 2.1],
    ['BNB', 850],
    ['DOGE', 0.15],
  ] as const),
  ...([
    ['ADA', 0.45],
    ['AVAX', 14],
    ['LINK', 13],
    ['币安人生', 0.42],
    ['LTC', 85],
    ['DOT', 2.3],
  ] as const),
  ...([
    ['TRX', 0.28],
    ['BCH', 520],
    ['UNI', 6.1],
    ['NEAR', 1.9],
    ['APT', 2.5],
    ['ATOM', 2.4],
  ] as const),
  ...([
    ['FIL', 1.6],
    ['ARB', 0.21],
    ['OP', 0.33],
    ['SUI', 1.6],
    ['INJ', 5.6],
    ['TIA', 0.62],
  ] as const),
  ...([
    ['SEI', 0.13],
    ['AAVE', 180],
    ['ETC', 13.5],
    ['XLM', 0.24],
    ['HBAR', 0.14],
    ['ICP', 3.6],
  ] as const),
  ...([
    ['1000PEPE', 0.0046],
    ['1000SHIB', 0.0084],
    ['WIF', 0.36],
    ['1000BONK', 0.0095],
    ['FET', 0.25],
  ] as const),
  ...([
    ['GALA', 0.0073],
    ['SAND', 0.14],
    ['MANA', 0.15],
    ['龙虾', 0.031],
    ['AXS', 0.95],
  ] as const),
  ...([
    ['CRV', 0.38],
    ['DYDX', 0.2],
    ['ENA', 0.26],
    ['TON', 1.5],
    ['WLD', 0.61],
    ['ORDI', 4.1],
  ] as const),
  ...([
    ['STX', 0.3],
    ['LDO', 0.6],
    ['PENDLE', 2.2],
    ['JUP', 0.22],
    ['PYTH', 0.07],
    ['RUNE', 0.66],
  ] as const),
  ...([
    ['ZEC', 420],
    ['DASH', 52],
    ['XMR', 390],
    ['KAS', 0.05],
    ['TAO', 280],
    ['HYPE', 31],
  ] as const),
  ...([
    ['ONDO', 0.46],
    ['PAXG', 4_150],
    ['CHZ', 0.03],
    ['COMP', 33],
    ['GRT', 0.043],
    ['QNT', 78],
  ] as const),
];

const ONSETS = [
  'B',
  'BR',
  'C',
  'D',
  'DR',
  'F',
  'G',
  'H',
  'J',
  'K',
  'KR',
  'L',
  'M',
  'N',
  'P',
  'Q',
  'R',
  'S',
  'T',
  'V',
  'X',
  'Z',
];
const VOWELS = ['A', 'E', 'I', 'O', 'U', 'Y'];
const CODAS = ['', 'X', 'N', 'R', 'S', 'K', 'T', 'M'];

export interface NamedAsset {
  readonly base: string;
  /** Around this price, in the quote asset. */
  readonly price: number;
}

/** `count` different base assets: the known ones first, then invented ones priced log-uniformly from 0.0006 to 60. */
export function baseAssets(seed: number, count: number): NamedAsset[] {
  const assets = KNOWN.slice(0, count).map(([base, price]) => ({ base, price }));
  const taken = new Set(KNOWN.map(([base]) => base));
  for (let attempt = 0; assets.length < count; attempt++) {
    const base = inventedName(hash(seed, attempt) >>> 0);
    if (taken.has(base)) continue;
    taken.add(base);
    assets.push({ base, price: 0.0006 * 10 ** (5 * ((hash(seed + 1, attempt) >>> 0) / 2 ** 32)) });
  }
  return assets;
}

function inventedName(bits: number): string {
  const pick = (list: readonly string[], shift: number) => list[(bits >>> shift) % list.length] as string;
  return pick(ONSETS, 0) + pick(VOWELS, 5) + pick(ONSETS, 9) + pick(VOWELS, 15) + pick(CODAS, 20);
}
