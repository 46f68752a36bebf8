type Params = Readonly<Record<string, string | number>>;

/** What we use of a ccxt exchange: its table of costs and its URLs. */
export interface CcxtExchange {
  readonly urls: { readonly api: Readonly<Record<string, string>> };
  readonly api: { readonly fapiPublic: { readonly get: Readonly<Record<string, object>> } };
  calculateRateLimiterCost(api: 'fapiPublic', method: 'GET', path: string, params: Params, costs: object): number;
  sign(path: string, api: 'fapiPublic', method: 'GET', params: Params): { readonly url: string };
}

type CcxtConstructor = new (options: object) => CcxtExchange;

/**
 * The one class that we need, by its path, which the build puts into a chunk: 60 ms and 11 MB of heap instead of 450 ms
 * and 45 MB for the package with its hundred exchanges. Outside the build that path is not exported: then the whole is
 * loaded.
 */
async function loadClass(): Promise<CcxtConstructor> {
  try {
    return (await import('ccxt/js/src/binanceusdm.js')).default as CcxtConstructor;
  } catch {
    return (await import('ccxt')).binanceusdm as unknown as CcxtConstructor;
  }
}

/** A Binance USDⓈ-M exchange of ccxt. `restUrl` replaces scheme, host and port; the paths stay the exchange's own. */
export async function loadBinance(restUrl?: string): Promise<CcxtExchange> {
  const Lean = withoutMethods(await loadClass());
  const fapiPublic = restUrl === undefined ? undefined : `${new URL(restUrl).origin}/fapi/v1`;
  const exchange = new Lean({ ...(fapiPublic !== undefined && { urls: { api: { fapiPublic } } }) });
  return Object.assign(exchange, { urlencode: encodeQuery });
}

/** Its constructor makes a method of every endpoint of the exchange, some 700; the two that we use are asked for by name. */
function withoutMethods(Exchange: CcxtConstructor): CcxtConstructor {
  return class extends Exchange {
    defineRestApi(): void {}
  };
}

/** ccxt's own runs every value through regular expressions, which is a twentieth of a scan's time. */
function encodeQuery(params: Params): string {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${typeof value === 'number' ? value : encodeURIComponent(value)}`)
    .join('&');
}

/**
 * What a request costs and where it goes, by ccxt. It is not sent through ccxt: its throttle allows half of the true
 * budget and ignores the reply's header, its HTTP has no deadline for the body, and its replies are not checked.
 */
export function planRequest(
  exchange: CcxtExchange,
  endpoint: string,
  params: Params,
): { readonly weight: number; readonly url: string } {
  const costs = exchange.api.fapiPublic.get[endpoint] as object;
  return {
    weight: exchange.calculateRateLimiterCost('fapiPublic', 'GET', endpoint, params, costs),
    url: exchange.sign(endpoint, 'fapiPublic', 'GET', params).url,
  };
}
