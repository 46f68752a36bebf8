import type { Listing, Market } from '../market/market.js';
import { type Content, textContent } from './content.js';
import type { Endpoint } from './endpoint.js';

/** The exchange's own `serverTime` here is hours old (recorded: 5.7 h and 37 h); the true one is at /fapi/v1/time. */
const STALE_BY_MS = 5.7 * 3_600_000;

/** All symbols, always. The text is made once for each array of listings: rows change only with it, and the time in it is stale anyway. */
export function exchangeInfoEndpoint(market: Market, weightLimit: number): Endpoint {
  const made = new Map<boolean, Content>();
  let { listings } = market;
  return {
    weight: () => 1,
    answer({ now, gzip }) {
      if (market.listings !== listings) made.clear();
      listings = market.listings;
      const held = made.get(gzip);
      if (held !== undefined) return held;
      const content = textContent(JSON.stringify(exchangeInfo(market, weightLimit, now)), gzip);
      made.set(gzip, content);
      return content;
    },
  };
}

function exchangeInfo(market: Market, weightLimit: number, now: number): object {
  return {
    timezone: 'UTC',
    serverTime: now - STALE_BY_MS,
    futuresType: 'U_MARGINED',
    rateLimits: [
      { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: weightLimit },
      { rateLimitType: 'ORDERS', interval: 'MINUTE', intervalNum: 1, limit: 1_200 },
      { rateLimitType: 'ORDERS', interval: 'SECOND', intervalNum: 10, limit: 300 },
    ],
    exchangeFilters: [],
    assets: ['USDT', 'BTC', 'BNB', 'ETH', 'USDC'].map((asset) => ({
      asset,
      marginAvailable: true,
      autoAssetExchange: asset.startsWith('USD') ? '-10000' : '-0.10000000',
    })),
    symbols: market.listings.map(symbolRow),
  };
}

function symbolRow(listing: Listing): object {
  const { symbol, pair, contractType, deliveryDate, onboardDate, status, baseAsset, quoteAsset } = listing;
  const { pricePrecision, quantityPrecision, underlyingType, underlyingSubType } = listing;
  return {
    symbol,
    pair,
    contractType,
    deliveryDate,
    onboardDate,
    status,
    maintMarginPercent: '2.5000',
    requiredMarginPercent: '5.0000',
    baseAsset,
    quoteAsset,
    marginAsset: quoteAsset,
    pricePrecision,
    quantityPrecision,
    baseAssetPrecision: 8,
    quotePrecision: 8,
    underlyingType,
    underlyingSubType,
    triggerProtect: '0.0500',
    liquidationFee: '0.012500',
    marketTakeBound: '0.05',
    maxMoveOrderLimit: 10_000,
    filters: filters(listing),
    orderTypes: ['LIMIT', 'MARKET', 'STOP', 'STOP_MARKET', 'TAKE_PROFIT', 'TAKE_PROFIT_MARKET', 'TRAILING_STOP_MARKET'],
    timeInForce: ['GTC', 'IOC', 'FOK', 'GTX', 'GTD'],
    permissionSets: ['GRID', 'COPY', 'DCA'],
  };
}

function filters({ tickSize, stepSize }: Listing): object[] {
  const lots = { stepSize, minQty: stepSize };
  return [
    { maxPrice: '4529764', tickSize, filterType: 'PRICE_FILTER', minPrice: tickSize },
    { ...lots, maxQty: '1000000', filterType: 'LOT_SIZE' },
    { ...lots, maxQty: '100000', filterType: 'MARKET_LOT_SIZE' },
    { filterType: 'MAX_NUM_ORDERS', limit: 200 },
    { notional: '5', filterType: 'MIN_NOTIONAL' },
    { multiplierDown: '0.9500', multiplierUp: '1.0500', multiplierDecimal: '4', filterType: 'PERCENT_PRICE' },
    { filterType: 'POSITION_RISK_CONTROL', positionControlSide: 'NONE' },
  ];
}
