import type { Clock } from '../lib/clock.js';

/**
 * One result for all who ask: those who ask while it is being made wait for it, those who ask within `ttlMs` after get
 * it again. A failure is told to those who waited and then forgotten.
 */
export function shared<T>(clock: Clock, ttlMs: number, make: () => Promise<T>): () => Promise<T> {
  let made: { readonly value: Promise<T>; freshUntilMs: number } | null = null;
  return () => {
    if (made !== null && clock.monotonic() < made.freshUntilMs) return made.value;
    const current = { value: make(), freshUntilMs: Number.POSITIVE_INFINITY };
    made = current;
    const succeed = () => {
      current.freshUntilMs = clock.monotonic() + ttlMs;
    };
    const fail = () => {
      made = null;
    };
    current.value.then(succeed, fail);
    return current.value;
  };
}
