/** Cancels what it was returned for; calling it again changes nothing. */
export type Cancel = () => void;

/**
 * Time as an argument. `now` is wall-clock epoch milliseconds and may jump; `monotonic` is milliseconds since an
 * arbitrary start and never runs backwards. Everything that waits or measures takes one of these.
 */
export interface Clock {
  now(): number;
  monotonic(): number;
  /** Runs `callback` once after `delayMs`; delays beyond 2^31-1 ms are held in steps, because Node fires those at once. */
  setTimer(delayMs: number, callback: () => void): Cancel;
}

const LONGEST_NODE_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      timer =
        leftMs > LONGEST_NODE_TIMER_MS
          ? setTimeout(() => arm(leftMs - LONGEST_NODE_TIMER_MS), LONGEST_NODE_TIMER_MS)
          : setTimeout(callback, Math.max(0, leftMs));
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  },
};

/** A clock whose wall time is `offsetMs` later. */
export function shiftedBy(clock: Clock, offsetMs: number): Clock {
  return {
    now: () => clock.now() + offsetMs,
    monotonic: () => clock.monotonic(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  };
}

/** Resolves after `delayMs`; rejects with the signal's reason when that fires first. Leaves no timer or listener behind. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const cancel = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = () => {
      cancel();
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
