import { expect, it } from 'vitest';
import { readableBytes } from '../../src/doctor/amounts.js';
import {
  describeChecks,
  failing,
  GIB,
  HEALTHY_PROCESS,
  holder,
  MIB,
  type Row,
  running,
  set,
} from '../support/doctor.js';

const MACHINE: Row[] = [
  ['too few open files', 'open-files', { probes: { openFilesLimit: async () => 357 } }, 'fail', /^357$/],
  ['just enough open files', 'open-files', { probes: { openFilesLimit: async () => 358 } }, 'ok', /^358$/],
  [
    'no known limit of open files',
    'open-files',
    { probes: { openFilesLimit: async () => null } },
    'skipped',
    /does not tell/,
  ],
  ['a machine without the memory', 'memory', running({ memoryBytes: 200 * MIB }), 'fail', /machine 200 MiB/],
  ['a limit above the machine', 'memory', running({ memoryBytes: 512 * MIB }), 'warn', /limit 1 GiB, machine 512 MiB/],
  [
    'a limit below what is needed',
    'memory',
    set('memory.limit=200MiB', 'cache.l1MaxSize=64MiB'),
    'fail',
    /limit 200 MiB/,
  ],
  [
    'a limit under constant pressure',
    'memory',
    set('memory.limit=256MiB', 'cache.l1MaxSize=64MiB'),
    'warn',
    /limit 256 MiB/,
  ],
  [
    'less memory for fewer symbols',
    'memory',
    set('memory.limit=256MiB', 'cache.l1MaxSize=64MiB', 'universe.maxSymbols=10'),
    'ok',
    /about 201 MiB/,
  ],
  ['memory for deep series', 'memory', set('candles.lookback=10000'), 'fail', /about 1\.2 GiB/],
  [
    'a heap that cannot grow to the last level of memory pressure',
    'heap',
    running({ heapLimitBytes: 700 * MIB }),
    'warn',
    /^832 MiB at most: heap 700 MiB, beside it 132 MiB$/,
  ],
  ['a heap that grows beyond it', 'heap', running({ heapLimitBytes: 1_100 * MIB }), 'ok', /heap 1\.1 GiB/],
  [
    'a heap that grows beyond it together with deep series',
    'heap',
    { ...running({ heapLimitBytes: 700 * MIB }), ...set('candles.lookback=5000') },
    'ok',
    /beside it 626 MiB/,
  ],
  ['candles that do not fit into memory', 'l1-size', set('cache.l1MaxSize=16MiB'), 'warn', /^16 MiB for 1,800 series/],
];

describeChecks('machine', MACHINE);

const DIRECTORIES: Row[] = [
  [
    'a file in the place of the data directory',
    'data-dir',
    { probes: { directory: async (nearest) => ({ nearest, stat: null, error: failing('ENOTDIR') }) } },
    'fail',
    /data: a part of the path is a file/,
  ],
  [
    'a read-only data directory',
    'data-dir',
    { probes: { directory: async (nearest) => ({ nearest, stat: null, error: failing('EROFS') }) } },
    'fail',
    /read-only \(EROFS\)/,
  ],
  [
    'a directory of another user',
    'cache-dir',
    { probes: { directory: async (nearest) => ({ nearest, stat: null, error: failing('EACCES') }) } },
    'fail',
    /this user may not write there/,
  ],
  [
    'a directory that is to be created',
    'signals-dir',
    { probes: { directory: async () => ({ nearest: '/', stat: null, error: null }) } },
    'ok',
    /signals \(to be created in \/\)/,
  ],
  [
    'a data directory of somebody else',
    'data-dir-mode',
    { probes: { directory: async (nearest) => ({ nearest, stat: { mode: 0o40700, uid: 5 }, error: null }) } },
    'warn',
    /^700, owner 5$/,
  ],
  [
    'a data directory that all may write',
    'data-dir-mode',
    { probes: { directory: async (nearest) => ({ nearest, stat: { mode: 0o40777, uid: 1_000 }, error: null }) } },
    'warn',
    /^777, owner 1000$/,
  ],
  [
    'a full disk',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 63 * MIB, freeFiles: null }) } },
    'fail',
    /^63 MiB free/,
  ],
  [
    'a disk too small for the cache',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 700 * MIB, freeFiles: null }) } },
    'warn',
    /^700 MiB free/,
  ],
  [
    'a cache that has grown already',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 300 * MIB, freeFiles: null }), cacheBytes: async () => 500 * MIB } },
    'ok',
    /^300 MiB free/,
  ],
  [
    'a disk without inodes',
    'disk',
    { probes: { disk: async () => ({ freeBytes: 9 * GIB, freeFiles: 12 }) } },
    'warn',
    /12 more files/,
  ],
  [
    'a lock that another process holds',
    'lock',
    { probes: { lock: async () => ({ held: true, holder }) } },
    'warn',
    /process 77 \(run, version 1\.0\.0/,
  ],
  [
    'a lock whose holder is silent',
    'lock',
    { probes: { lock: async () => ({ held: true, holder: null }) } },
    'warn',
    /does not answer/,
  ],
  [
    'a lock of its own',
    'lock',
    { probes: { lock: async () => ({ held: true, holder: { ...holder, pid: HEALTHY_PROCESS.pid } }) } },
    'ok',
    /this process/,
  ],
];

describeChecks('directories', DIRECTORIES);

it.each([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1 KiB'],
  [1.55 * GIB, '1.6 GiB'],
  [512 * MIB, '512 MiB'],
  [2_000 * 2 ** 40, '2000 TiB'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(readableBytes(bytes)).toBe(text);
});
