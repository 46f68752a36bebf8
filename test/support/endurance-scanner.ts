import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import pLimit from 'p-limit';
import type { Market } from '../../src/daemon/market.js';
import type { Parts } from '../../src/daemon/parts.js';
import { serverPorts } from '../../src/daemon/ports.js';
import { Scanning } from '../../src/daemon/scanning.js';
import { accessOf } from '../../src/daemon/settings.js';
import type { Slot } from '../../src/domain/slot.js';
import { sleep } from '../../src/lib/clock.js';
import { Releasers } from '../../src/lib/releasers.js';
import { type Acquired, Pipeline } from '../../src/pipeline/pipeline.js';
import { openServer } from '../../src/server/server.js';
import { type EnduranceScannerOptions, marketOf, openParts } from './endurance-parts.js';
import { TIMEFRAMES } from './live.js';
import { silentLog } from './silent-log.js';

/** A cycle gives up 30 s after its slot. */
const ENDED_MS = 45_000;
const PATHS = [
  '/metrics',
  '/healthz',
  '/api/v1/status',
  '/api/v1/cycles?limit=100',
  '/api/v1/signals?limit=100',
  '/api/v1/symbols',
];

/**
 * What a daemon has above its candles, at a fake clock's pace: the slot loop and its cycles, all analyzers in a thread,
 * provisional and confirmed signals with their files, deepening, audits, the lists of markets and the exchange's time,
 * metrics and the HTTP server.
 */
export class EnduranceScanner {
  readonly #options: EnduranceScannerOptions;
  readonly #releasers: Releasers;
  readonly #turns = pLimit(1);
  readonly #pipeline: HeardPipeline;
  readonly #parts: Parts;
  readonly #market: Market;
  readonly #scanning: Scanning;
  #url = '';

  /** Begins with the newest slot. */
  static async start(options: EnduranceScannerOptions): Promise<EnduranceScanner> {
    const releasers = new Releasers();
    const scanner = new EnduranceScanner(options, await openParts(options, releasers), releasers);
    await scanner.#serve();
    scanner.#scanning.start();
    return scanner;
  }

  private constructor(options: EnduranceScannerOptions, parts: Parts, releasers: Releasers) {
    const { rig } = options;
    this.#options = options;
    this.#parts = parts;
    this.#releasers = releasers;
    const { store, clock } = rig;
    this.#pipeline = new HeardPipeline({ store, clock, sources: rig.live.sources, timeframes: TIMEFRAMES });
    const market = marketOf(options, parts, this.#pipeline, releasers);
    this.#market = market;
    parts.instruments.watchMarket(market, parts.results);
    const log = silentLog();
    const scanning = new Scanning({ ...parts, market, turns: this.#turns, clock: rig.clock, log });
    this.#scanning = scanning;
    rig.onRevision = (key) => scanning.noteRevision(key);
    releasers.push(() => scanning.stop());
  }

  /** To be called at a slot. Resolves with what its cycle was brought, when that has ended; rejects when none ran. */
  async cycle(slot: Slot): Promise<Pick<Acquired, 'windows' | 'skipped'>> {
    await sleep(this.#options.rig.clock, ENDED_MS);
    await this.#turns(() => undefined);
    const newest = this.#scanning.history.list(1)[0];
    if (newest?.slot !== slot) throw new Error(`the newest cycle is of ${newest?.slot}, not ${slot}`);
    const acquired = this.#pipeline.heard.splice(0);
    return { windows: acquired.flatMap(({ windows }) => windows), skipped: acquired.flatMap(({ skipped }) => skipped) };
  }

  /** Asks for what people and Prometheus look at. */
  async look(): Promise<void> {
    for (const path of PATHS) await ask(this.#url + path);
  }

  stats() {
    const { signals, results } = this.#parts;
    const { written, records } = signals.stats();
    return { written, records, results: results.stats(), slots: this.#scanning.stats() };
  }

  stop(): Promise<void> {
    return this.#releasers.release();
  }

  async #serve(): Promise<void> {
    const { clock } = this.#options.rig;
    const { settings } = this.#parts;
    const ports = serverPorts({
      ...this.#parts,
      version: '0.0.0',
      startedAt: clock.now(),
      market: () => this.#market,
      scanning: () => this.#scanning,
      unready: () => [],
      memory: () => null,
      reload: async () => ({ ok: false, reason: 'nothing to read' }),
    });
    const server = await openServer({
      host: '127.0.0.1',
      port: 0,
      ...accessOf(settings.config),
      ports,
      log: silentLog(),
      clock,
    });
    this.#url = server.url;
    this.#releasers.push(() => server.close());
  }
}

/** Keeps what it brought for whoever compares it. */
class HeardPipeline extends Pipeline {
  readonly heard: Acquired[] = [];

  override async acquire(...request: Parameters<Pipeline['acquire']>): Promise<Acquired> {
    const acquired = await super.acquire(...request);
    this.heard.push(acquired);
    return acquired;
  }
}

/** A request on a connection of its own. Rejects for any status but 200. */
async function ask(url: string): Promise<void> {
  const [response] = (await once(get(url, { agent: false }), 'response')) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode} ${body}`);
}
