/**
 * Keys whose new value takes effect in a running process, between two cycles; all others wait for a restart. What applies
 * them is `src/daemon/reload.ts`; `config/default.yaml` marks them, and `config print --json` lists them.
 */
export const LIVE_KEYS: ReadonlySet<string> = new Set([
  'exchange.weightShare',
  'exchange.requestTimeout',
  'universe.quote',
  'universe.include',
  'universe.exclude',
  'universe.contractTypes',
  'universe.maxSymbols',
  'universe.minAge',
  'universe.minQuoteVolume24h',
  'universe.refreshEvery',
  'cycle.settle',
  'cycle.deadline',
  'cycle.provisional',
  'batch.symbols',
  'batch.requestsInFlight',
  'cache.l1MaxSize',
  'cache.l2MaxSize',
  'cache.flushEvery',
  'analyzers.enabled',
  'analyzers.paths',
  'analyzers.workers',
  'analyzers.budget',
  'server.token',
  'server.allowedHosts',
  'server.allowedOrigins',
  'memory.limit',
  'log.level',
]);
