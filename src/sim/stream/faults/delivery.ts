import type { Client } from '../client.js';
import type { Frame } from '../frame.js';
import type { FrameAction } from './rule.js';
import type { StreamFaults } from './stream-faults.js';

/** Delayed events of one connection; beyond that they are lost, so that a rule cannot eat all memory. */
const MOST_DELAYED = 100_000;

/** Brings events to connections, through the rules that are in force. */
export class Delivery {
  readonly #faults: StreamFaults;
  /** By connection, the events that wait for the next one of their stream. */
  readonly #held = new WeakMap<Client, Map<string, Frame>>();

  constructor(faults: StreamFaults) {
    this.#faults = faults;
  }

  deliver(frame: Frame, clients: Iterable<Client>): void {
    for (const client of clients) {
      const action = this.#faults.strikesFrames ? this.#faults.frame(client.id, frame.subject) : null;
      if (action === null) this.#send(client, frame);
      else this.#apply(client, frame, action);
    }
  }

  #apply(client: Client, frame: Frame, action: FrameAction): void {
    switch (action.type) {
      case 'drop':
        return;
      case 'repeat':
        for (let sent = 0; sent < action.times; sent++) this.#send(client, frame);
        return;
      case 'delay':
        return this.#later(client, frame, action.delayMs);
      case 'reorder':
        return this.#hold(client, frame);
      case 'revise':
        this.#send(client, frame);
        if (frame.subject.interval !== null) this.#later(client, revised(frame), action.afterMs);
        return;
      case 'extraKeys':
        return this.#send(
          client,
          frame.altered((event) => Object.assign(event, { st: 1, ps: frame.subject.symbol })),
        );
    }
  }

  #send(client: Client, frame: Frame): void {
    client.send(frame);
    const held = this.#held.get(client);
    const earlier = held?.get(frame.subject.stream);
    if (earlier === undefined) return;
    held?.delete(frame.subject.stream);
    client.send(earlier);
  }

  #hold(client: Client, frame: Frame): void {
    const held = this.#held.get(client) ?? new Map<string, Frame>();
    this.#held.set(client, held);
    if (held.has(frame.subject.stream)) this.#send(client, frame);
    else held.set(frame.subject.stream, frame);
  }

  #later(client: Client, frame: Frame, delayMs: number): void {
    if (delayMs === 0) return this.#send(client, frame);
    if (client.waiting < MOST_DELAYED) client.later(delayMs, () => this.#send(client, frame));
  }
}

/** Another close within the candle's range: what was said of the candle is no longer true. */
function revised(frame: Frame): Frame {
  return frame.altered((event) => {
    const kline = event.k as Record<string, unknown>;
    kline.c = kline.c === kline.h ? kline.l : kline.h;
  });
}
