import { isIPv6 } from 'node:net';
import * as z from 'zod/mini';
import { sortTimeframes, TIMEFRAMES, type Timeframe, timeframeMs } from '../domain/timeframe.js';
import { distinct, list, NAME, text } from './values.js';

// The entries of the lists in the configuration.

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;
const IPV6_CHARACTERS = /^[0-9a-f:.]+$/i;
/** An IPv4 address is also a name. Node's own pattern for IPv6, which knows zones as well, takes a start's time to compile. */
const isHost = (value: string) =>
  HOST_NAME.test(value) || (IPV6_CHARACTERS.test(value) && URL.canParse(`http://[${value}]`)) || isIPv6(value);

export const host = (error: string) => z.string({ error }).check(z.refine(isHost, { error }));

/** A symbol in the exchange's spelling (Unicode letters, upper case where there is case), or a regular expression between slashes. */
export function symbolOrRegex() {
  const error = 'a symbol such as BTCUSDT or a regular expression such as /^BTC/';
  return z
    .string({ error })
    .check(
      z.regex(/^([\p{Lu}\p{Lo}\p{N}_]{1,40}|\/.+\/)$/u, { error, abort: true }),
      z.refine(isRegexOrSymbol, { error: 'a regular expression that compiles, such as /^BTC/' }),
    );
}

function isRegexOrSymbol(value: string): boolean {
  if (!value.startsWith('/')) return true;
  try {
    void new RegExp(value.slice(1, -1), 'u');
    return true;
  } catch {
    return false;
  }
}

export function timeframes() {
  const names = Object.keys(TIMEFRAMES) as Timeframe[];
  const allowed = names.join(' ');
  const timeframe = z.enum(names, { error: `one of ${allowed}` });
  return z.pipe(
    list(timeframe, `timeframes, each one of ${allowed}`).check(
      z.minLength(1, { error: `at least one of ${allowed}` }),
      distinct(String, 'each timeframe once'),
      z.superRefine(refuseOffBase),
    ),
    z.transform((values) => sortTimeframes(values) as [Timeframe, ...Timeframe[]]),
  );
}

/** Longer timeframes are built from the base, so each must hold a whole number of its candles. */
function refuseOffBase(values: Timeframe[], context: z.core.$RefinementCtx): void {
  const [base] = sortTimeframes(values);
  if (base === undefined) return;
  for (const [index, value] of values.entries()) {
    if (timeframeMs(value) % timeframeMs(base) === 0) continue;
    context.addIssue({ code: 'custom', path: [index], message: `a multiple of the base timeframe ${base}` });
  }
}

export function enabledAnalyzers() {
  const name = text(NAME, 'the name of an analyzer: lower-case letters, digits and single dashes');
  const parameter = text(/^[a-z][A-Za-z0-9]*$/, 'the name of a parameter');
  const parameters = z.record(parameter, z.number({ error: 'a number' }), {
    error: 'a map of parameter names to numbers',
  });
  const entry = z.union(
    [name, z.strictObject({ name, parameters: z.prefault(parameters, {}) }, { error: 'a map of name and parameters' })],
    {
      error: 'the name of an analyzer, or a map of name and parameters',
    },
  );
  return z.pipe(
    list(entry, 'analyzers').check(
      distinct((item) => (typeof item === 'string' ? item : item.name), 'each analyzer once'),
    ),
    z.transform((entries) => entries.map((item) => (typeof item === 'string' ? { name: item, parameters: {} } : item))),
  );
}

export const hostOrOrigin = () => {
  const error = 'a host name without port, or an origin such as https://grafana.example:3000';
  const fits = (value: string) =>
    isHost(value) || (/^https?:\/\//.test(value) && URL.canParse(value) && new URL(value).origin === value);
  return z.string({ error }).check(z.refine(fits, { error }));
};
