// Preloaded into a daemon (`--import`): what goes wrong in a process, on command and from outside of the program.
import { EventEmitter } from 'node:events';
import { open } from 'node:fs/promises';
import process from 'node:process';

const busy = (ms) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** A disk that no longer answers, as a network file system whose server is gone. */
async function hangDisk() {
  const handle = await open(process.execPath);
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  prototype.datasync = () => new Promise(() => setInterval(() => {}, 1_000_000));
}

const breakMemoryUsage = () => {
  process.memoryUsage = () => {
    throw new Error('a reader that throws');
  };
};

const hoard = [];

const MISHAPS = {
  throw: () =>
    setTimeout(() => {
      throw new Error('thrown by a timer');
    }, 1),
  reject: () => void Promise.reject(new Error('rejected and not caught')),
  emit: () => setTimeout(() => new EventEmitter().emit('error', new Error('emitted to nobody')), 1),
  busy,
  hoard: (mib) => void hoard.push(Buffer.alloc(mib * 2 ** 20, 1)),
  'hang-disk': hangDisk,
  'break-memory-usage': breakMemoryUsage,
};

process.on('message', ({ mishap, amount }) => void MISHAPS[mishap]?.(amount));
