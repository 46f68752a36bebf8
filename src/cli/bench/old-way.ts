import ccxt from 'ccxt';

// A process of its own: how scanners used to do it. One symbol after another, its timeframes in parallel, through
// ccxt's fetchOHLCV with its throttle off, which is kinder than the original.

export interface OldWayTask {
  readonly restUrl: string;
  readonly symbols: readonly string[];
  readonly timeframes: readonly string[];
  readonly limit: number;
}

export interface OldWayResult {
  readonly perSymbolMs: number;
}

async function measure({ restUrl, symbols, timeframes, limit }: OldWayTask): Promise<OldWayResult> {
  const exchange = new ccxt.binanceusdm({
    enableRateLimit: false,
    urls: { api: { fapiPublic: `${restUrl}/fapi/v1` } },
  });
  await exchange.loadMarkets();
  const start = performance.now();
  for (const symbol of symbols) {
    await Promise.all(timeframes.map((timeframe) => exchange.fetchOHLCV(symbol, timeframe, undefined, limit)));
  }
  const perSymbolMs = (performance.now() - start) / symbols.length;
  await exchange.close();
  return { perSymbolMs };
}

process.once('message', (task) => {
  void measure(task as OldWayTask).then((result) => process.send?.(result, () => process.disconnect()));
});
