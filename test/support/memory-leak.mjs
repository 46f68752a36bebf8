// Leaks until its memory guard asks for a restart; everything that happens is a line of JSON on stdout. Argument: the
// base URL of the compiled sources.
import { randomFillSync } from 'node:crypto';

const at = (path) => import(new URL(path, process.argv[2]).href);
const { MemoryGuard, systemMemory } = await at('lib/memory-guard.js');
const { collectGarbage } = await at('lib/collect-garbage.js');
const { systemClock } = await at('lib/clock.js');

const MIB = 2 ** 20;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// Random, because pages of zeros need not be resident.
const filled = (mebibytes) => randomFillSync(Buffer.allocUnsafeSlow(mebibytes * MIB));

const leaked = [];
let cache = [filled(16)];
const limitBytes = process.memoryUsage.rss() + 160 * MIB;

const guard = new MemoryGuard({
  limitBytes,
  clock: systemClock,
  probe: systemMemory,
  everyMs: 10,
  relievers: [
    { name: 'caches', level: 1, enter: () => ((cache = []), say({ entered: 'caches' })) },
    { name: 'broken', level: 1, enter: () => Promise.reject(new Error('broken')) },
    { name: 'queries', level: 2, enter: () => say({ entered: 'queries' }) },
    { name: 'garbage', level: 2, enter: () => (collectGarbage(), say({ entered: 'garbage', cached: cache.length })) },
    { name: 'restart', level: 3, enter: restart },
  ],
  onChange: ({ level, from, rssBytes }) => say({ level, from, share: rssBytes / limitBytes }),
  onFailure: ({ name, error }) => say({ failed: name, message: error.message }),
});

const leak = setInterval(() => leaked.push(filled(4)), 15);
guard.start();

function restart() {
  say({ entered: 'restart' });
  clearInterval(leak);
  // Not before this reliever has ended: the guard waits for it when it stops. Nothing else keeps the process alive then.
  setImmediate(() => guard.stop().then(() => say({ stopped: guard.stats().entered })));
}
