import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = () => unknown;

let collect: Collect | null = null;

/**
 * One full garbage collection, which blocks the thread for about a second per gigabyte of live objects. Node need not
 * be started with `--expose-gc`: a new context gets the function when the flag is set, and hands it out.
 */
export function collectGarbage(): void {
  collect ??= globalThis.gc ?? exposed();
  collect();
}

function exposed(): Collect {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as Collect;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}
