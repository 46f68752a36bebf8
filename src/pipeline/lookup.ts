import dns from 'node:dns';
import type { LookupFunction } from 'node:net';

type Callback = Parameters<LookupFunction>[2];

/**
 * Looks up names like `lookup`, but asks for each only once at a time: who asks meanwhile shares the answer, also when it
 * is an error. Nothing is kept, so a changed answer is seen at once.
 *
 * A silent resolver keeps a lookup for 10 s and more, and only two of libuv's threads do lookups. When a window of sockets
 * asks each for itself, everybody's next lookup waits for minutes behind those.
 */
export function sharedLookup(lookup: LookupFunction): LookupFunction {
  const asking = new Map<string, Callback[]>();
  return (hostname, options, callback) => {
    const { family = 0, hints = 0, all = false } = options;
    const question = `${hostname} ${family} ${hints} ${all}`;
    const others = asking.get(question);
    if (others !== undefined) {
      others.push(callback);
      return;
    }
    const callbacks = [callback];
    asking.set(question, callbacks);
    lookup(hostname, options, (...answer) => {
      asking.delete(question);
      for (const tell of callbacks) tell(...answer);
    });
  };
}

/** One for the process, as its threads are. */
export const lookup = sharedLookup(dns.lookup);
