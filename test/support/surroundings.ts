import { once } from 'node:events';
import { createServer } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/lib/clock.js';
import { type SimProcess, startSimProcess } from '../../src/sim/process.js';
import type { SimStats } from '../../src/sim/stats.js';
import { MAIN } from './cli.js';

// What a daemon of a test has around it: an exchange, ports, time to wait for.

export const MINUTE_MS = 60_000;

/** The embedded exchange of the built program, in a process of its own. */
export function simProcess(...args: string[]): Promise<SimProcess> {
  return startSimProcess({ argv: [MAIN, 'sim', ...args], clock: systemClock });
}

export interface Exchange extends SimProcess {
  stats(): Promise<SimStats>;
  /** Puts a fault rule, or a list of them, in force. */
  fault(rules: object): Promise<void>;
  clearFaults(): Promise<void>;
  list(symbol: string, status: string | null): Promise<void>;
}

/** The embedded exchange, with what its control endpoints do. */
export async function startExchange(...args: string[]): Promise<Exchange> {
  const sim = await simProcess('--latency-ms', '5', ...args);
  const control = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`${sim.restUrl}/sim/${path}`, { method, body: body ? JSON.stringify(body) : null });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return await response.json();
  };
  return {
    ...sim,
    stats: () => control('GET', 'stats') as Promise<SimStats>,
    fault: async (rules) => void (await control('POST', 'faults', rules)),
    clearFaults: async () => void (await control('DELETE', 'faults')),
    list: async (symbol, status) => void (await control('POST', 'listings', { symbol, status })),
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The status of a reply, or null when nobody answers. */
export async function statusOf(port: number, path: string): Promise<number | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return null;
  }
}

/** Resolves with what `look` finds once it is neither null nor false; rejects after `withinMs`. */
export async function until<T>(
  what: string,
  withinMs: number,
  look: () => T | null | false | Promise<T | null | false>,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`${what}: not within ${withinMs} ms`);
    await sleep(20);
  }
}

/**
 * How much slower than an idle machine this one is: what wants to run, by processors. Bounds of time hold for idle
 * machines; multiplied by this they hold beside other tests.
 */
export function slowness(): number {
  return Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

/** Waits until a slot has passed by that long. */
export async function afterSlot(ms: number): Promise<void> {
  await sleep(MINUTE_MS - (Date.now() % MINUTE_MS) + ms);
}
