import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../src/lib/clock.js';
import { seededRandom } from '../../src/lib/random.js';
import { Releasers } from '../../src/lib/releasers.js';
import { seededMarket } from '../../src/sim/market/seeded/seeded-market.js';
import { type Sim, startSim } from '../../src/sim/server.js';
import { startDnsServer } from '../support/dns-server.js';

const BUILD = new URL(process.env['CANDLESCAN_TEST_BUILD'] ?? '../../build/', import.meta.url);
const CHILD = fileURLToPath(new URL('../support/dns-child.mjs', import.meta.url));
const NAME_SERVER = '127.0.0.153';
const HOST = 'exchange.test';
const FAILING_MS = 8_000;

/** What the child did in half a second. */
interface Tick {
  readonly ok: number;
  readonly lookups: number;
  /** Codes of those that failed. */
  readonly lookupErrors: readonly string[];
  /** Lookups under way at once. */
  readonly mostAsking: number;
  /** How long each read of a file took, ms. */
  readonly reads: readonly number[];
}

/** Whether this machine lets us give a process files of its own in place of the system's, and a name server. */
function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync(BUILD)) return false;
  try {
    execFileSync('unshare', ['-m', 'sh', '-c', 'mount --bind /etc/hosts /etc/resolv.conf'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

class Child {
  readonly #process: ChildProcess;
  readonly #ticks: Tick[] = [];

  constructor(dir: string, port: number) {
    const files = {
      'resolv.conf': `nameserver ${NAME_SERVER}\noptions timeout:1 attempts:1\n`,
      'nsswitch.conf': 'hosts: dns\n',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const mounts = Object.keys(files).map((name) => `mount --bind "$0/${name}" /etc/${name}`);
    const command = [...mounts, 'exec "$@"'].join(' && ');
    const program = [process.execPath, CHILD, BUILD.href, `http://${HOST}:${port}`, `ws://${HOST}:${port}`];
    this.#process = spawn('unshare', ['-m', 'sh', '-c', command, dir, ...program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.#ticks.push(JSON.parse(line) as Tick));
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** The ticks of the next `ms`. */
  async watch(ms: number): Promise<Tick[]> {
    const from = this.#ticks.length;
    await sleep(systemClock, ms);
    return this.#ticks.slice(from);
  }

  /** Half seconds until a request succeeds. */
  async untilOk(most: number): Promise<number> {
    const from = this.#ticks.length;
    const isOk = () => this.#ticks.slice(from).findIndex(({ ok }) => ok > 0);
    while (isOk() < 0 && this.#ticks.length - from < most) await sleep(systemClock, 50);
    return isOk() < 0 ? Number.POSITIVE_INFINITY : isOk();
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin?.end();
    await gone;
  }
}

const sum = (ticks: readonly Tick[], of: (tick: Tick) => number) => ticks.reduce((total, tick) => total + of(tick), 0);

/** The 99th percentile of the reads, ms. */
function readsP99(ticks: readonly Tick[]): number {
  const reads = ticks.flatMap((tick) => tick.reads).sort((a, b) => a - b);
  return reads[Math.floor(reads.length * 0.99)] ?? Number.NaN;
}

let releasers = new Releasers();
afterEach(async () => {
  await releasers.release();
  releasers = new Releasers();
});

async function startOn(host: string, port: number): Promise<Sim> {
  const clock = systemClock;
  const sim = await startSim({
    market: seededMarket({ symbols: 100, seed: 7, now: clock.now() }),
    clock,
    random: seededRandom(1),
    host,
    port,
    weightLimit: 1e6,
  });
  releasers.push(() => sim.stop());
  return sim;
}

describe.skipIf(!mayMount())('X9: names (skipped unless root may mount, and the program is built)', () => {
  it('X9: that cannot be looked up stop nothing else, and 10 s after they can be the data flows, from wherever they point', async ({
    annotate,
  }) => {
    const dns = await startDnsServer(NAME_SERVER);
    releasers.push(() => dns.close());
    const first = await startOn('127.0.0.1', 0);
    const port = Number(new URL(first.restUrl).port);
    dns.answer('127.0.0.1');
    const dir = mkdtempSync(join(tmpdir(), 'candlescan-dns-'));
    releasers.push(() => rmSync(dir, { recursive: true, force: true }));
    const child = new Child(dir, port);
    releasers.push(() => child.stop());
    expect(await child.untilOk(40)).toBeLessThan(40);
    const before = await child.watch(3_000);
    expect(sum(before, ({ ok }) => ok)).toBeGreaterThan(20);

    await first.stop();
    for (const [answer, code] of [
      ['silence', 'EAI_AGAIN'],
      ['SERVFAIL', 'EAI_AGAIN'],
      ['NXDOMAIN', 'ENOTFOUND'],
    ] as const) {
      dns.answer(answer);
      const phase = await child.watch(FAILING_MS);
      // What was under way when it began may still end well.
      const during = phase.slice(2);
      const lookups = sum(phase, (tick) => tick.lookups);
      const most = Math.max(...phase.map(({ mostAsking }) => mostAsking));
      await annotate(
        `${answer}: ${lookups} lookups, ${most} at once, reads p99 ${readsP99(phase).toFixed(1)} ms (${readsP99(before).toFixed(1)} before)`,
      );
      expect(sum(during, ({ ok }) => ok)).toBe(0);
      expect(phase.flatMap(({ lookupErrors }) => lookupErrors)).toContain(code);
      // However many sockets wait for the name.
      expect(most).toBe(1);
      expect(lookups).toBeLessThanOrEqual((3 * FAILING_MS) / 1_000);
      // A busy machine is slow before as well.
      expect(readsP99(phase)).toBeLessThanOrEqual(Math.max(50, 3 * readsP99(before)));
    }

    await startOn('127.0.0.2', port);
    dns.answer('127.0.0.2');
    const halfSeconds = await child.untilOk(20);
    await annotate(`data again ${(halfSeconds + 1) / 2} s after the name was back, at another address`);
    expect(halfSeconds).toBeLessThan(20);
    expect(child.isRunning).toBe(true);
  }, 120_000);
});
