import type { Config } from '../config/schema.js';
import { systemClock } from '../lib/clock.js';
import { MAIN } from './main-file.js';
import { version } from './version.js';

/** The market of the embedded exchange is as large as the real one, unless more is asked for. */
const SYMBOLS = 530;

export interface OpenExchange {
  /** Scheme and host of the REST API; null is the exchange's own. */
  readonly restUrl: string | null;
  /** Scheme and host of the streams; null is the exchange's own. */
  readonly streamUrl: string | null;
  /** Whose candles these are; a name without slashes. */
  readonly name: string;
  /** Stops the embedded exchange, when there is one. */
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly latencyMs: number;
  /** Symbols that the scan is going to ask for, or null. */
  readonly symbols: number | null;
  readonly weightLimit?: number;
  /** The exchange's clock minus ours. */
  readonly clockOffsetMs?: number;
}

/** The exchange that the configuration names; `sim` without an address is started here, in a process of its own. */
export async function openExchange({ exchange }: Config, options: EmbeddedOptions): Promise<OpenExchange> {
  if (exchange.id !== 'sim' || exchange.restUrl !== null) {
    const name = exchange.restUrl === null ? exchange.id : `${exchange.id}@${new URL(exchange.restUrl).host}`;
    return { restUrl: exchange.restUrl, streamUrl: exchange.streamUrl, name, close: () => Promise.resolve() };
  }
  const { startSimProcess } = await import('../sim/process.js');
  const argv = [MAIN, 'sim', '--latency-ms', options.latencyMs, '--symbols', Math.max(SYMBOLS, options.symbols ?? 0)];
  if (options.weightLimit !== undefined) argv.push('--weight-limit', options.weightLimit);
  if (options.clockOffsetMs !== undefined) argv.push('--clock-offset-ms', options.clockOffsetMs);
  const sim = await startSimProcess({ argv: argv.map(String), clock: systemClock });
  // Its candles depend on the seed and on the program that makes them up, not on the port.
  const { restUrl, streamUrl } = sim;
  return { restUrl, streamUrl, name: `sim-${version()}`, close: () => sim.stop() };
}
