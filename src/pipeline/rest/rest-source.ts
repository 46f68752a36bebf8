import pLimit from 'p-limit';
import { KlineSource, type KlineSourceOptions } from './kline-source.js';

export interface RestSourceOptions extends Omit<KlineSourceOptions, 'name' | 'lane' | 'window'> {
  /** Small: what it asks for is little, and a slow exchange must not be answered with many more requests. */
  readonly requestsInFlight?: number;
}

const REQUESTS_IN_FLIGHT = 32;

/** The last resort: the series that still miss a candle when it is due, before all other requests. */
export class RestSource extends KlineSource {
  constructor({ requestsInFlight = REQUESTS_IN_FLIGHT, ...options }: RestSourceOptions) {
    super({ ...options, name: 'rest', lane: 'urgent', window: pLimit(requestsInFlight) });
  }
}
