import { setMaxListeners } from 'node:events';
import { ExchangeError } from '../domain/errors.js';
import type { Clock } from '../lib/clock.js';

export interface Deadline {
  readonly signal: AbortSignal;
  /** Gives it so much longer from now. It has no effect on one that has passed. */
  restart(deadlineMs: number): void;
  /** To be called when what it was for is over. */
  cancel(): void;
}

/** A cycle publishes what it has when this fires: after `deadlineMs`, or with `stop` and for its reason. */
export function deadlineSignal(
  clock: Clock,
  deadlineMs: number,
  governor: { readonly waiting: number },
  stop?: AbortSignal,
): Deadline {
  const deadline = new AbortController();
  // Every symbol that waits listens to it; each takes its listener back.
  setMaxListeners(0, deadline.signal);
  const onPassed = () => {
    // Who still waits for weight at the deadline is out of budget; else the exchange was too slow.
    const kind = governor.waiting > 0 ? 'throttled' : 'deadline';
    deadline.abort(new ExchangeError(kind, 'the deadline of the cycle has passed'));
  };
  let cancelTimer = clock.setTimer(deadlineMs, onPassed);
  const onStop = () => deadline.abort(stop?.reason);
  stop?.addEventListener('abort', onStop, { once: true });
  if (stop?.aborted) onStop();
  return {
    signal: deadline.signal,
    restart(ms) {
      cancelTimer();
      cancelTimer = clock.setTimer(ms, onPassed);
    },
    cancel() {
      cancelTimer();
      stop?.removeEventListener('abort', onStop);
    },
  };
}
