import { timeframeMs } from '../domain/timeframe.js';
import type { Config } from './schema.js';

/** Two keys of which the first must stay below the second (or at most equal it). */
interface Order {
  readonly low: string;
  readonly lowValue: number;
  readonly high: string;
  readonly highValue: number;
  /** Whether they may be equal. */
  readonly orEqual: boolean;
  /** How messages name the second when its value is not what is compared. */
  readonly highName?: string;
}

/** A rule between keys that is broken, told as what is allowed of one of them. */
export interface BrokenRule {
  readonly key: string;
  readonly allowed: string;
}

/**
 * The rules between keys that the configuration breaks. The blame goes to the key that someone set, by `isDefault`,
 * and to the first of the two when both were set; `textOf` shows a key's value as it was written.
 */
export function brokenRules(
  config: Config,
  isDefault: (key: string) => boolean,
  textOf: (key: string) => string,
): BrokenRule[] {
  const broken = ordersOf(config)
    .filter(({ lowValue, highValue, orEqual }) => (orEqual ? lowValue > highValue : lowValue >= highValue))
    .map(({ low, high, orEqual, highName }) =>
      isDefault(low) && !isDefault(high)
        ? { key: high, allowed: `${orEqual ? 'at least' : 'more than'} ${low} (${textOf(low)})` }
        : { key: low, allowed: `${orEqual ? 'at most' : 'less than'} ${highName ?? `${high} (${textOf(high)})`}` },
    );
  if (!isLoopback(config.server.host) && config.server.token === null) {
    const allowed = 'a loopback address, or another one with a token in CANDLESCAN_SERVER__TOKEN';
    broken.push({ key: 'server.host', allowed });
  }
  return broken;
}

function ordersOf({ candles, cycle, timeframes, cache, memory }: Config): Order[] {
  const [base] = timeframes;
  return [
    {
      low: 'candles.firstLook',
      lowValue: candles.firstLook,
      high: 'candles.lookback',
      highValue: candles.lookback,
      orEqual: true,
    },
    {
      low: 'cycle.settle',
      lowValue: cycle.settleMs,
      high: 'cycle.deadline',
      highValue: cycle.deadlineMs,
      orEqual: false,
    },
    {
      low: 'cycle.deadline',
      lowValue: cycle.deadlineMs,
      high: 'timeframes',
      highValue: timeframeMs(base),
      orEqual: false,
      highName: `the base timeframe (${base})`,
    },
    {
      low: 'cache.l1MaxSize',
      lowValue: cache.l1MaxSizeBytes,
      high: 'memory.limit',
      highValue: memory.limitBytes,
      orEqual: false,
    },
  ];
}

/** What is allowed and yet probably not meant. */
export function warningsOf({ exchange, stream, server }: Config): string[] {
  const warnings: string[] = [];
  if (exchange.restUrl !== null && exchange.streamUrl === null && stream.enabled) {
    warnings.push(
      'exchange.restUrl is set and exchange.streamUrl is not: candles are streamed from the exchange itself',
    );
  }
  if (exchange.restUrl === null && exchange.streamUrl !== null) {
    warnings.push('exchange.streamUrl is set and exchange.restUrl is not: requests go to the exchange itself');
  }
  if (!isLoopback(server.host) && server.allowedHosts.every(isLoopback)) {
    warnings.push(`server.host is ${server.host} and server.allowedHosts names only this machine: others are refused`);
  }
  return warnings;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
