import type { LoadedConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import type { Clock } from '../lib/clock.js';
import type { Probes } from './probes.js';

/** `required`: without it the scanner cannot do its work. `recommended`: it can, and worse. `optional`: good to know. */
export type Level = 'required' | 'recommended' | 'optional';

/** `skipped`: could not be judged, or was not asked for. Only what is required can `fail`. */
export type Status = 'ok' | 'warn' | 'fail' | 'skipped';

export interface Verdict {
  readonly status: Status;
  readonly found: string;
  readonly expected: string | null;
  /** What to do about it; null when there is nothing to do. */
  readonly fix: string | null;
}

/** One row of the report. */
export interface Check extends Verdict {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  /** The configuration key to look at first, or null. */
  readonly key: string | null;
}

export interface DoctorReport {
  readonly schema: 1;
  /** Nothing that is required failed. */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

/** What the exchange said. */
export interface ExchangeFacts {
  /** Scheme and host. */
  readonly url: string;
  readonly roundTripMs: number;
  /** Local minus exchange. */
  readonly skewMs: number;
  /** Weight units per UTC minute and address. */
  readonly weightLimit: number;
  /** Markets of the exchange. */
  readonly listed: number;
  /** Those of them that the configuration scans. */
  readonly symbols: readonly string[];
}

/** What a check may look at. */
export interface Context {
  readonly config: Config;
  readonly loaded: LoadedConfig;
  readonly probes: Probes;
  readonly clock: Clock;
  /** Asked once, whoever asks. Rejects with an `ExchangeError`. */
  readonly exchange: () => Promise<ExchangeFacts>;
  readonly checkSinks: boolean;
}

interface Described {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  readonly key?: string;
  /** Local and quick, so part of what is checked before every start. */
  readonly short?: boolean;
}

type Judgement = Verdict | Promise<Verdict>;

/** How one row is found. `needs` says what must be there for it to be judged at all. */
export type Definition = Described &
  (
    | { readonly needs: 'nothing'; readonly judge: (context: Pick<Context, 'probes' | 'clock'>) => Judgement }
    | { readonly needs: 'config'; readonly judge: (context: Context) => Judgement }
    | { readonly needs: 'exchange'; readonly judge: (context: Context, facts: ExchangeFacts) => Judgement }
  );

export function ok(found: string, expected: string | null = null): Verdict {
  return { status: 'ok', found, expected, fix: null };
}

export function warn(found: string, expected: string, fix: string): Verdict {
  return { status: 'warn', found, expected, fix };
}

export function fail(found: string, expected: string, fix: string): Verdict {
  return { status: 'fail', found, expected, fix };
}

export function skipped(found: string, fix: string | null = null): Verdict {
  return { status: 'skipped', found, expected: null, fix };
}
