import { ExchangeError } from '../../src/domain/errors.js';
import { sleep } from '../../src/lib/clock.js';
import { type Random, seededRandom } from '../../src/lib/random.js';
import type { KlineReply } from '../../src/pipeline/exchange/contract.js';
import type { Rig } from './live.js';
import { STEP_MS } from './stream-frames.js';
import type { FakeSocket } from './stream-server-fake.js';

const SECOND = 1_000;
const FRAME_EVERY_MS = 15 * SECOND;

/** The exchange's traffic on the simulated network, fair or foul as a seed has it. */
export class Weather {
  readonly #rig: Rig;
  readonly #random: Random;
  /** Until when nothing gets through, epoch ms. */
  readonly #stalledUntil = new Map<FakeSocket | string, number>();
  #refusedUntil = 0;
  #unansweredUntil = 0;
  #foul = false;

  constructor(rig: Rig, seed: number) {
    this.#rig = rig;
    this.#random = seededRandom(seed);
  }

  /** From here on connections drop, stall and are refused, frames are lost, doubled, late and out of order, and REST fails. */
  turnFoul(): void {
    this.#foul = true;
    this.#rig.answer = (query, { signal }) => this.#answer(() => this.#rig.reply(query), signal);
    this.#rig.exchange.onConnect = (socket) =>
      queueMicrotask(() => {
        if (this.#rig.clock.now() < this.#refusedUntil) socket.end({ reason: 'handshake', detail: 'refused' });
        else socket.open();
      });
  }

  turnFair(): void {
    this.#foul = false;
    this.#refusedUntil = 0;
    this.#unansweredUntil = 0;
    this.#stalledUntil.clear();
    this.#rig.answer = async (query) => this.#rig.reply(query);
  }

  /** One more thing goes wrong now, for a minute at most. */
  strike(): void {
    const { clock, exchange, market } = this.#rig;
    const anyOf = <T>(items: readonly T[]) => items[Math.floor(this.#random() * items.length)];
    const until = clock.now() + this.#upTo(60 * SECOND);
    const faults: (() => void)[] = [
      () => anyOf(exchange.live)?.end({ reason: 'network', detail: 'reset' }),
      () => this.#stall(anyOf(exchange.live), until - clock.now()),
      () => this.#stall(anyOf(market.symbols), until - clock.now()),
      () => anyOf(exchange.live)?.message('{"e":"serverShutdown"}'),
      () => anyOf(exchange.live)?.message('{"stream":"'),
      () => {
        this.#refusedUntil = until;
        anyOf(exchange.live)?.end({ reason: 'closed', detail: 'close 1001' });
      },
      () => {
        this.#unansweredUntil = until;
      },
    ];
    anyOf(faults)?.();
  }

  /** Sets the timers of everything that the exchange sends of the candles that open now, and of what goes wrong meanwhile. */
  candle(openTime: number): void {
    for (const symbol of this.#rig.market.symbols) this.#trade(symbol, openTime);
    if (this.#foul) this.#disturb();
  }

  #trade(symbol: string, openTime: number): void {
    const { market } = this.#rig;
    const states = market.bar(symbol, openTime).states.length;
    for (let offset = 1 + Math.floor(this.#random() * FRAME_EVERY_MS); offset < STEP_MS; offset += FRAME_EVERY_MS) {
      const state = Math.max(1, Math.ceil((states * offset) / STEP_MS));
      this.#send(symbol, openTime + offset, (now) => market.frame(symbol, openTime, state, now, false));
    }
    const closedAt = openTime + STEP_MS + 200 + Math.floor(this.#random() * 1_800);
    this.#send(symbol, closedAt, (now) => market.frame(symbol, openTime, states, now, true));
  }

  #send(symbol: string, eventTime: number, frame: (eventTime: number) => string | null): void {
    const { clock } = this.#rig;
    if (eventTime < clock.now() || this.#chance(0.1)) return;
    const lateMs = this.#chance(0.1) ? this.#upTo(8 * SECOND) : 0;
    const afterMs = eventTime - clock.now();
    for (let copies = this.#chance(0.1) ? 2 : 1; copies > 0; copies--) {
      clock.setTimer(afterMs + lateMs + (copies - 1) * this.#upTo(2 * SECOND), () => {
        const text = frame(eventTime);
        if (text !== null && !this.#isStalled(symbol)) this.#deliver(symbol, text);
      });
    }
  }

  #deliver(symbol: string, text: string): void {
    for (const socket of this.#rig.exchange.carrying(symbol)) if (!this.#isStalled(socket)) socket.message(text);
  }

  #disturb(): void {
    const { clock, exchange, market } = this.#rig;
    const at = (callback: () => void) => clock.setTimer(this.#upTo(STEP_MS), callback);
    const anyOf = <T>(items: readonly T[]) => items[Math.floor(this.#random() * items.length)];
    if (this.#chance(0.2)) at(() => anyOf(exchange.live)?.end({ reason: 'network', detail: 'reset' }));
    if (this.#chance(0.1)) at(() => this.#stall(anyOf(exchange.live), 10 * SECOND + this.#upTo(300 * SECOND)));
    if (this.#chance(0.2)) at(() => this.#stall(anyOf(market.symbols), this.#upTo(900 * SECOND)));
    if (!this.#chance(0.1)) return;
    at(() => {
      this.#refusedUntil = clock.now() + this.#upTo(600 * SECOND);
      for (const socket of exchange.live) socket.end({ reason: 'network', detail: 'the exchange is gone' });
    });
  }

  async #answer(reply: () => KlineReply, signal?: AbortSignal): Promise<KlineReply> {
    if (this.#chance(0.2)) await sleep(this.#rig.clock, this.#upTo(20 * SECOND), signal);
    const isDown = this.#rig.clock.now() < this.#unansweredUntil;
    if (isDown || this.#chance(0.1)) throw new ExchangeError(this.#chance(0.5) ? 'unavailable' : 'deadline', 'made up');
    const { rows, refused } = reply();
    // A replica that has not heard of the newest candle yet.
    return { rows: this.#chance(0.05) ? rows.slice(0, -1) : rows, refused };
  }

  #stall(what: FakeSocket | string | undefined, forMs: number): void {
    if (what !== undefined && this.#foul) this.#stalledUntil.set(what, this.#rig.clock.now() + forMs);
  }

  #isStalled(what: FakeSocket | string): boolean {
    return (this.#stalledUntil.get(what) ?? 0) > this.#rig.clock.now();
  }

  /** Never true in fair weather. */
  #chance(share: number): boolean {
    return this.#foul && this.#random() < share;
  }

  #upTo(ms: number): number {
    return Math.floor(this.#random() * ms);
  }
}
