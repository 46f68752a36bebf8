import type { Slot } from '../domain/slot.js';

/** Why the data is not fresh: a code, and a sentence for people. */
export interface UnreadyReason {
  readonly reason: 'stopping' | 'starting' | 'failed' | 'stale';
  readonly detail: string;
}

/** Why it takes more than usual to keep the data fresh. */
export interface Degradation {
  readonly reason: 'stream';
  readonly detail: string;
}

export interface Freshness {
  readonly stopping: boolean;
  /** What keeps the start, for instance the exchange that does not answer; null when nothing does. */
  readonly startFailure: string | null;
  /** The newest slot whose cycle analyzed something, null before the first. */
  readonly lastSlot: Slot | null;
  /** Whether the newest cycle could analyze anything. */
  readonly lastFailed: boolean;
  /** Exchange's time, epoch ms. */
  readonly now: number;
  readonly slotMs: number;
  /** A cycle publishes what it has by then. */
  readonly deadlineMs: number;
  readonly closedForMs: number;
}

/** What a cycle may take beyond its deadline: a budget of analyzers that ran out, a slow disk. */
const GRACE_MS = 5_000;

/** Empty when what is served is true of the newest slot. */
export function unreadyReasons(of: Freshness): UnreadyReason[] {
  if (of.stopping) return [{ reason: 'stopping', detail: 'the process is about to end' }];
  const gate = of.closedForMs > 0 ? `; the exchange refuses requests for ${Math.ceil(of.closedForMs / 1000)} s` : '';
  const reasons: UnreadyReason[] = [];
  if (of.lastSlot === null && !of.lastFailed) {
    reasons.push({ reason: 'starting', detail: `${of.startFailure ?? 'no cycle has ended yet'}${gate}` });
  }
  if (of.lastFailed) reasons.push({ reason: 'failed', detail: `the newest cycle could analyze nothing${gate}` });
  if (of.lastSlot !== null && of.now > of.lastSlot + of.slotMs + of.deadlineMs + GRACE_MS) {
    const detail = `the newest slot that is known is ${new Date(of.lastSlot).toISOString()}${gate}`;
    reasons.push({ reason: 'stale', detail });
  }
  return reasons;
}

/** `stream`: null where nothing is streamed. */
export function degradations(stream: { readonly endpointSuspect: boolean } | null): Degradation[] {
  if (stream?.endpointSuspect !== true) return [];
  return [{ reason: 'stream', detail: 'every connection of the stream stays mute; requests bring all candles' }];
}
