import type { Config } from '../config/schema.js';
import { timeframeMs } from '../domain/timeframe.js';
import { klinesWeight } from '../pipeline/exchange/klines.js';
import { needsQuoteVolumes } from '../pipeline/universe.js';
import { plural, readableCount } from './amounts.js';
import {
  type Context,
  type Definition,
  type ExchangeFacts,
  fail,
  ok,
  skipped,
  type Verdict,
  warn,
} from './contract.js';
import { streamConnections } from './needs.js';

/** Whether what the configuration will ask of the exchange stays within the exchange's limits. */
export const budgetChecks: readonly Definition[] = [
  {
    id: 'weight-start',
    level: 'required',
    title: 'weight of a cold start',
    key: 'exchange.weightShare',
    needs: 'exchange',
    judge: weightAtStart,
  },
  {
    id: 'weight-slot',
    level: 'required',
    title: 'weight of a slot',
    key: 'timeframes',
    needs: 'exchange',
    judge: weightPerSlot,
  },
  {
    id: 'streams',
    level: 'required',
    title: 'streams',
    key: 'stream.streamsPerConnection',
    needs: 'exchange',
    judge: streams,
  },
];

/** Quote volumes of all markets. */
const VOLUMES_WEIGHT = 40;
const MINUTE_MS = 60_000;

function budgetOf(config: Config, { weightLimit }: ExchangeFacts): number {
  return Math.floor(weightLimit * config.exchange.weightShare);
}

/** Every series is asked for its first candles; longer ones are derived only afterwards. */
function weightAtStart({ config }: Context, facts: ExchangeFacts): Verdict {
  const { firstLook } = config.candles;
  const budget = budgetOf(config, facts);
  const series = facts.symbols.length * config.timeframes.length;
  const weight = series * klinesWeight(firstLook);
  const minutes = budget === 0 ? Number.POSITIVE_INFINITY : Math.ceil(weight / budget);
  const [base] = config.timeframes;
  const found = `${readableCount(weight)} for ${readableCount(series)} series, ${plural(minutes, 'minute')} at ${readableCount(budget)} a minute`;
  const expected = `done within one ${base} candle`;
  const fix = `raise exchange.weightShare (${config.exchange.weightShare}), lower candles.firstLook (99 costs 1), or scan fewer symbols or timeframes`;
  const largest = Math.max(klinesWeight(firstLook), needsQuoteVolumes(config.universe) ? VOLUMES_WEIGHT : 1);
  if (budget < largest)
    return fail(`${readableCount(budget)} a minute, and one request costs ${largest}`, expected, fix);
  return minutes * MINUTE_MS > timeframeMs(base) ? fail(found, expected, fix) : ok(found, expected);
}

/** At the busiest slot every timeframe closes. Without streams all of it is requested, and in one minute of the budget. */
function weightPerSlot({ config }: Context, facts: ExchangeFacts): Verdict {
  const { timeframes, candles, stream } = config;
  const closing = candles.derive ? 1 : timeframes.length;
  const weight = facts.symbols.length * closing * klinesWeight(2);
  const budget = budgetOf(config, facts);
  const when = stream.enabled ? 'at most, when no stream delivers' : 'since nothing is streamed';
  const found = `${readableCount(weight)} ${when}, of ${readableCount(budget)} a minute`;
  const expected = 'within the budget of one minute';
  if (weight <= budget) return ok(found, expected);
  const fix = candles.derive
    ? 'raise exchange.weightShare, or scan fewer symbols'
    : 'set candles.derive=true, raise exchange.weightShare, or scan fewer symbols or timeframes';
  return stream.enabled ? warn(found, expected, fix) : fail(found, expected, `set stream.enabled=true, or ${fix}`);
}

/** Beyond these, connections have been seen to fall silent (EXCHANGE.md §4, 10 and 15). */
const CALM_STREAMS = 500;
/** Attempts that we make, and that the exchange allows, in five minutes (EXCHANGE.md §2.2). */
const OUR_ATTEMPTS = 30;
const EXCHANGE_ATTEMPTS = 300;

function streams({ config }: Context, { symbols }: ExchangeFacts): Verdict {
  const { enabled, streamsPerConnection } = config.stream;
  if (!enabled) return skipped('stream.enabled is false');
  const connections = streamConnections(config, symbols.length);
  const found = `${plural(symbols.length, 'stream')} of ${config.timeframes[0]} on ${plural(connections, 'connection')}`;
  const expected = `at most ${CALM_STREAMS} streams a connection, and ${OUR_ATTEMPTS} connections, which open within 5 minutes`;
  const more = 'raise stream.streamsPerConnection (200 by default)';
  if (connections > EXCHANGE_ATTEMPTS) return fail(found, expected, more);
  if (connections > OUR_ATTEMPTS) return warn(found, expected, more);
  if (Math.min(streamsPerConnection, symbols.length) > CALM_STREAMS) {
    return warn(found, expected, 'lower stream.streamsPerConnection: full connections lose messages');
  }
  return ok(found, expected);
}
