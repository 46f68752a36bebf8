import { isIP } from 'node:net';
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

/** Whether the exchange answers, keeps time with us, and has what is to be scanned. */
export const exchangeChecks: readonly Definition[] = [
  { id: 'dns', level: 'required', title: 'exchange address', key: 'exchange.restUrl', needs: 'config', judge: dns },
  { id: 'exchange', level: 'required', title: 'exchange', key: 'exchange.restUrl', needs: 'config', judge: reachable },
  { id: 'clock', level: 'recommended', title: 'clock', needs: 'exchange', judge: clockSkew },
  { id: 'universe', level: 'required', title: 'universe', key: 'universe.include', needs: 'exchange', judge: universe },
  {
    id: 'stream',
    level: 'recommended',
    title: 'stream data',
    key: 'exchange.streamUrl',
    needs: 'exchange',
    judge: streamData,
  },
];

/** The public address; ccxt has the same. */
export const BINANCE_REST = 'https://fapi.binance.com';

async function dns({ config, probes }: Context): Promise<Verdict> {
  const { id, restUrl } = config.exchange;
  if (id === 'sim' && restUrl === null) return skipped('the embedded exchange is started here');
  const host = new URL(restUrl ?? BINANCE_REST).hostname.replace(/^\[|\]$/g, '');
  const expected = 'a name that resolves';
  if (isIP(host) !== 0) return ok(`${host} needs no name`, expected);
  try {
    const addresses = await probes.resolve(host);
    return ok(`${host} is ${addresses.join(', ')}`, expected);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fail(`${host}: ${code ?? message}`, expected, 'check exchange.restUrl, /etc/resolv.conf and the network');
  }
}

async function reachable({ exchange }: Context): Promise<Verdict> {
  const expected = 'answers with its time and its markets';
  try {
    const { url, roundTripMs, listed } = await exchange();
    return ok(`${url} in ${Math.round(roundTripMs)} ms, ${plural(listed, 'market')}`, expected);
  } catch (error) {
    const fix = 'check exchange.restUrl, the network, a proxy or firewall; after a ban wait until the time given';
    return fail((error as Error).message, expected, fix);
  }
}

/** Slots are taken from the exchange's clock; ours dates logs and signals. */
const SKEW_MS = 1_000;

function clockSkew(_: Context, { skewMs }: ExchangeFacts): Verdict {
  const found = `${Math.round(Math.abs(skewMs))} ms ${skewMs > 0 ? 'ahead of' : 'behind'} the exchange`;
  const expected = `within ${SKEW_MS} ms`;
  return Math.abs(skewMs) <= SKEW_MS
    ? ok(found, expected)
    : warn(found, expected, 'synchronise the clock (chrony, systemd-timesyncd)');
}

function universe({ config }: Context, { symbols, listed }: ExchangeFacts): Verdict {
  const found = `${readableCount(symbols.length)} of ${plural(listed, 'market')}`;
  const expected = 'one symbol or more';
  const named = config.universe.include.filter((entry) => !entry.startsWith('/'));
  if (symbols.length === 0)
    return fail(found, expected, 'loosen universe.include, .exclude, .quote, .minAge or .minQuoteVolume24h');
  const known = new Set(symbols);
  const missing = named.filter((symbol) => !known.has(symbol));
  if (missing.length > 0) {
    return warn(
      `${found}; not scanned: ${missing.join(', ')}`,
      expected,
      'these are not traded, filtered out or misspelled',
    );
  }
  return ok(found, expected);
}

/** An open socket and an acknowledged subscription prove nothing: only data does. */
async function streamData({ config, probes }: Context, { symbols }: ExchangeFacts): Promise<Verdict> {
  if (!config.stream.enabled) return skipped('stream.enabled is false');
  const expected = 'candles arrive';
  try {
    const { url, firstFrameMs } = await probes.stream(config, symbols);
    return ok(`${url}, first candle after ${Math.round(firstFrameMs)} ms`, expected);
  } catch (error) {
    const fix = 'check exchange.streamUrl and the firewall; without streams every candle costs a request';
    return warn((error as Error).message, expected, fix);
  }
}
