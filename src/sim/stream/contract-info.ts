import type { Listing } from '../market/market.js';
import { Frame } from './frame.js';
import { CONTRACT_INFO_STREAM } from './stream-name.js';

/** `st` since 2026-06: the stream mixes USD-M, 1, and COIN-M, 2. */
const USD_MARGINED = 1;

/** Announces how a contract stands now; a listing to come is called perpetual here, unlike in exchangeInfo. */
export function contractInfoFrame(listing: Listing, eventTime: number): Frame {
  const { symbol, pair, contractType, deliveryDate, onboardDate, status } = listing;
  const event = {
    e: 'contractInfo',
    E: eventTime,
    s: symbol,
    ps: pair,
    ct: contractType === '' ? 'PERPETUAL' : contractType,
    dt: deliveryDate,
    ot: onboardDate,
    cs: status,
    bks: [],
    st: USD_MARGINED,
  };
  return new Frame({ stream: CONTRACT_INFO_STREAM, symbol, interval: null, closed: false }, JSON.stringify(event));
}
