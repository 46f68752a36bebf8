import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { SimProcess } from '../../src/sim/process.js';
import { temporaryDir } from '../support/cli.js';
import {
  type Daemon,
  type DaemonPlace,
  daemonPlace,
  simProcess,
  slowness,
  spawnDaemon,
  statusOf,
  until,
} from '../support/daemon-process.js';
import { treeHash } from '../support/lock.js';
import { DAEMON } from '../support/ops.js';

const LATENCY_MS = 1_500;
/** An analyzer whose worker spins for ever. */
const SPIN = `export default {
  kind: 'series', name: 'spin', version: '1.0.0', description: 'Never ends', parameters: {},
  warmup: () => 2,
  analyze() { for (;;); },
};`;

const daemons: Daemon[] = [];
let slow: SimProcess;

beforeAll(async () => {
  slow = await simProcess('--symbols', '40', '--latency-ms', String(LATENCY_MS));
});

afterEach(async () => {
  for (const { child, exited } of daemons.splice(0)) {
    child.kill('SIGKILL');
    await exited;
  }
});

afterAll(() => slow?.stop());

function daemonAt(place: DaemonPlace, ...args: string[]): Daemon {
  const daemon = spawnDaemon(place, ...args);
  daemons.push(daemon);
  return daemon;
}

/** Requests for candles that the exchange has had so far. */
async function klinesAsked(sim: SimProcess): Promise<number> {
  const stats = (await (await fetch(`${sim.restUrl}/sim/stats`)).json()) as { requests: Record<string, number> };
  return stats.requests['/fapi/v1/klines'] ?? 0;
}

/** How it ended after `stop`, and after how long. */
async function ended({ exited }: Daemon, stop: () => unknown) {
  const begunMs = performance.now();
  stop();
  const how = await exited;
  return { ...how, ms: Math.round(performance.now() - begunMs) };
}

const readyAt = ({ port }: DaemonPlace) =>
  until('ready', 60_000, async () => (await statusOf(port, '/readyz')) === 200);

describe('P3: asked to stop while its cycle waits for candles', () => {
  it.each([
    ['SIGTERM', (daemon: Daemon) => daemon.child.kill('SIGTERM')],
    ['SIGINT', (daemon: Daemon) => daemon.child.kill('SIGINT')],
    ['the message shutdown', (daemon: Daemon) => daemon.child.send('shutdown')],
  ])('P3: %s ends it with 0 within 5 s, and the next start is whole', async (_, stop) => {
    const place = await daemonPlace(slow);
    const before = await klinesAsked(slow);
    const daemon = daemonAt(place);
    await until('requests for candles', 30_000, async () => (await klinesAsked(slow)) > before);
    const end = await ended(daemon, () => stop(daemon));
    expect(end, daemon.stderr()).toMatchObject({ code: 0, signal: null });
    expect(end.ms).toBeLessThan(5_000 * slowness());
    expect(daemon.stderr()).not.toMatch(/"level":[56]0/);

    const next = daemonAt(place);
    await readyAt(place);
    const { symbols } = (await (
      await fetch(`http://127.0.0.1:${place.port}/api/v1/cycles?limit=1`)
    )
      .json()
      .then((page) => (page as { items: unknown[] }).items[0])) as { symbols: { total: number; analyzed: number } };
    expect(symbols).toMatchObject({ total: 40, analyzed: 40 });
    expect(await ended(next, () => next.child.kill('SIGTERM'))).toMatchObject({ code: 0 });
  });
});

describe('P4: asked to stop while a worker spins and a client does not read', () => {
  let sim: SimProcess;

  beforeAll(async () => {
    sim = await simProcess('--symbols', '5');
  });

  afterAll(() => sim?.stop());

  /** A daemon whose first cycle never ends. */
  async function hanging(): Promise<Daemon> {
    const module = join(temporaryDir(), 'spin.mjs');
    writeFileSync(module, SPIN);
    const place = await daemonPlace(sim);
    const settings = [`analyzers.paths=${module}`, 'analyzers.enabled=spin', 'analyzers.budget=1h'];
    const before = await klinesAsked(sim);
    const daemon = daemonAt(place, ...settings.flatMap((each) => ['--set', each]));
    await until('candles', 30_000, async () => (await klinesAsked(sim)) >= before + 15);
    const client = connect(place.port, '127.0.0.1');
    client.on('error', () => client.destroy());
    client.write('GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    client.pause();
    void daemon.exited.then(() => client.destroy());
    return daemon;
  }

  it('P4: it ends by force at its hard deadline, not with 0', async () => {
    const daemon = await hanging();
    const end = await ended(daemon, () => daemon.child.kill('SIGTERM'));
    expect(end).toMatchObject({ code: 1, signal: null });
    expect(end.ms).toBeLessThan(DAEMON.hardDeadlineMs + 1_000 * slowness());
  });

  it('P4: a second signal ends it at once, not with 0', async () => {
    const daemon = await hanging();
    daemon.child.kill('SIGTERM');
    await until('its being asked', 5_000, () => daemon.stderr().includes('"msg":"stopping"'));
    const end = await ended(daemon, () => daemon.child.kill('SIGTERM'));
    expect(end).toMatchObject({ code: 1, signal: null });
    expect(end.ms).toBeLessThan(1_000 * slowness());
  });
});

describe('P6, P10: a start that cannot work', () => {
  /** How a start ended that was meant to fail, its message, and whether the data directory is as it was. */
  async function refused(place: DaemonPlace, ...args: string[]) {
    const before = treeHash(place.dataDir);
    const daemon = daemonAt(place, ...args);
    const end = await ended(daemon, () => {});
    return { ...end, lines: daemon.stderr().trim().split('\n'), untouched: treeHash(place.dataDir) === before };
  }

  it('P6: names the variable, the key, what was found and what is allowed in one line, and exits 78 within 2 s', async () => {
    const place = await daemonPlace(slow, { CANDLESCAN_CYCLE__SETTLE: 'soon' });
    const { code, ms, lines, untouched } = await refused(place);
    expect({ code, lines: lines.length, untouched }).toEqual({ code: 78, lines: 1, untouched: true });
    expect(ms).toBeLessThan(2_000 * slowness());
    expect(lines[0]).toMatch(/CANDLESCAN_CYCLE__SETTLE.*cycle\.settle.*soon.*allowed/);
  });

  it('P6: says that its port is taken, and exits 78 within 2 s', async () => {
    const place = await daemonPlace(slow);
    const other = createServer().listen(place.port, '127.0.0.1');
    try {
      const { code, ms, lines } = await refused(place);
      expect(code).toBe(78);
      expect(ms).toBeLessThan(2_000 * slowness());
      expect(lines.at(-1)).toMatch(new RegExp(`server\\.port.*${place.port}.*allowed`));
    } finally {
      other.close();
    }
  });

  it('P6: says that its data directory is none, and exits 78 within 2 s', async () => {
    const file = join(temporaryDir(), 'file');
    writeFileSync(file, '');
    const place = await daemonPlace(slow);
    const daemon = daemonAt({ ...place, env: { ...place.env, CANDLESCAN_DATA_DIR: file } });
    const end = await ended(daemon, () => {});
    expect(end.code).toBe(78);
    expect(end.ms).toBeLessThan(2_000 * slowness());
    expect(daemon.stderr()).toMatch(/CANDLESCAN_DATA_DIR.*dataDir.*file.*allowed/);
  });

  it.skipIf(process.platform === 'win32')(
    'P10: a second daemon exits 75 within 2 s and changes nothing, also while the first is stopped; after kill -9 it may',
    async () => {
      const place = await daemonPlace(slow);
      const first = daemonAt(place);
      await readyAt(place);
      // From here on it writes nothing of its own.
      first.child.kill('SIGSTOP');
      const second = await refused(place);
      expect({ ...second, lines: second.lines.length, ms: 0 }).toMatchObject({ code: 75, lines: 1, untouched: true });
      expect(second.ms).toBeLessThan(2_000 * slowness());
      first.child.kill('SIGCONT');
      expect((await refused(place)).code).toBe(75);
      first.child.kill('SIGKILL');
      await first.exited;
      const third = daemonAt(place);
      await readyAt(place);
      expect(await ended(third, () => third.child.kill('SIGTERM'))).toMatchObject({ code: 0 });
    },
  );
});
