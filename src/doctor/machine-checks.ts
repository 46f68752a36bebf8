import { PRESSURE_FROM } from '../lib/memory-pressure.js';
import { readableBytes, readableCount } from './amounts.js';
import { type Context, type Definition, fail, ok, skipped, type Verdict, warn } from './contract.js';
import { candleBytes, memoryBytes, mostSymbols, openFiles, outsideHeapBytes } from './needs.js';

const MIB = 2 ** 20;

/** Whether the machine, or what a container leaves of it, is enough. */
export const machineChecks: readonly Definition[] = [
  { id: 'open-files', level: 'required', title: 'open files', short: true, needs: 'config', judge: openFilesLimit },
  {
    id: 'memory',
    level: 'required',
    title: 'memory',
    key: 'memory.limit',
    short: true,
    needs: 'config',
    judge: memory,
  },
  { id: 'heap', level: 'recommended', title: 'heap limit', key: 'memory.limit', needs: 'config', judge: heap },
  {
    id: 'l1-size',
    level: 'recommended',
    title: 'candles in memory',
    key: 'cache.l1MaxSize',
    needs: 'config',
    judge: l1,
  },
];

async function openFilesLimit({ config, probes }: Context): Promise<Verdict> {
  const need = openFiles(config);
  const expected = `${readableCount(need)} or more, for ${config.batch.requestsInFlight} requests in flight, streams, clients and files`;
  const limit = await probes.openFilesLimit();
  if (limit === null) return skipped('this system does not tell its limit');
  const fix = 'raise it (ulimit -n, LimitNOFILE= in systemd), or lower batch.requestsInFlight';
  return limit < need ? fail(readableCount(limit), expected, fix) : ok(readableCount(limit), expected);
}

function memory({ config, probes }: Context): Verdict {
  const { limitBytes } = config.memory;
  const machineBytes = probes.process.memoryBytes;
  const need = memoryBytes(config);
  const found = `about ${readableBytes(need)} needed, limit ${readableBytes(limitBytes)}, machine ${readableBytes(machineBytes)}`;
  const expected = 'needed below 80 % of the limit, and the limit within the machine';
  const less = 'lower candles.lookback, the timeframes or the symbols';
  if (need > machineBytes) return fail(found, expected, `give it more memory, or ${less}`);
  if (need > limitBytes) return fail(found, expected, `raise memory.limit, or ${less}`);
  if (limitBytes > machineBytes) {
    return warn(found, expected, 'lower memory.limit: the system ends the process before it feels pressure');
  }
  if (need > 0.8 * limitBytes) return warn(found, expected, `raise memory.limit, or ${less}`);
  return ok(found, expected);
}

/** The last level of memory pressure must come before V8 is at its own limit, where it ends the process at once. */
function heap({ config, probes }: Context): Verdict {
  const { heapLimitBytes } = probes.process;
  const outside = outsideHeapBytes(config);
  const lastLevel = PRESSURE_FROM[3] * config.memory.limitBytes;
  const reach = heapLimitBytes + outside;
  const found = `${readableBytes(reach)} at most: heap ${readableBytes(heapLimitBytes)}, beside it ${readableBytes(outside)}`;
  const expected = `${readableBytes(lastLevel)} or more, where memory.limit asks for a restart`;
  if (reach >= lastLevel) return ok(found, expected);
  const heapMib = Math.ceil((lastLevel - outside) / MIB);
  const limitMib = Math.floor(reach / PRESSURE_FROM[3] / MIB);
  return warn(
    found,
    expected,
    `set NODE_OPTIONS=--max-old-space-size=${heapMib}, or memory.limit=${limitMib}MiB: V8 ends the process before`,
  );
}

function l1({ config }: Context): Verdict {
  const { l1MaxSizeBytes } = config.cache;
  const need = candleBytes(config);
  const series = mostSymbols(config) * config.timeframes.length;
  const found = `${readableBytes(l1MaxSizeBytes)} for ${readableCount(series)} series of ${config.candles.lookback} candles`;
  const expected = `${readableBytes(need)} or more`;
  return l1MaxSizeBytes < need
    ? warn(found, expected, 'raise cache.l1MaxSize: series that do not fit are read from disk in every cycle')
    : ok(found, expected);
}
