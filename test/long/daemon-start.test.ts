import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN, temporaryDir } from '../support/cli.js';
import { DaemonProcess, endDaemons, FIXTURES, readyDaemon } from '../support/daemon.js';
import { treeHash } from '../support/lock.js';
import { type Exchange, startExchange, until } from '../support/surroundings.js';
import { mountTmpfs } from '../support/tmpfs.js';

const PULSE = [`analyzers.paths=[${join(FIXTURES, 'pulse.mjs')}]`, 'analyzers.enabled=[pulse]'];
/** Says at its end how much of a processor it used. */
const TELL_CPU = `data:text/javascript,process.on('exit',()=>console.error(JSON.stringify({msg:'cpu',...process.cpuUsage()})))`;

/** One that does not come to serve: how it ended, what it said, and the time of processors that took. */
async function refused(options: Omit<ConstructorParameters<typeof DaemonProcess>[0], 'node'>) {
  const daemon = new DaemonProcess({ ...options, node: ['--import', TELL_CPU] });
  const { code } = await daemon.exited;
  const [cpu] = daemon.linesOf('cpu');
  return {
    code,
    said: daemon.lines.filter((line) => !line.startsWith('{')),
    cpuMs: (Number(cpu?.['user']) + Number(cpu?.['system'])) / 1_000,
  };
}

describe.skipIf(!existsSync(MAIN))('the start of a daemon (skipped unless the program is built)', () => {
  let exchange: Exchange;
  const tmpfs = mountTmpfs('1m', 'ro');

  beforeAll(async () => {
    exchange = await startExchange('--symbols', '20', '--weight-limit', '100000');
  });
  afterAll(async () => {
    await endDaemons();
    tmpfs?.unmount();
    await exchange?.stop();
  });

  it('P6: ends with 78 and one line that names place, key, what was found and what is allowed', async () => {
    const file = join(temporaryDir(), 'file');
    writeFileSync(file, '');
    const port = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => port.once('listening', resolve));
    const taken = String((port.address() as { port: number }).port);
    const cases: [string[], Parameters<typeof refused>[0]][] = [
      [['--set', 'exchange.weightShare', '7', 'allowed'], { exchange, set: ['exchange.weightShare=7'] }],
      [['--set', 'server.port', taken, 'allowed'], { exchange, set: [`server.port=${taken}`] }],
      [['--data-dir', 'dataDir', file, 'allowed'], { exchange, dataDir: file }],
      [['--data-dir', 'dataDir', file, 'allowed'], { exchange, dataDir: join(file, 'below') }],
    ];
    for (const [words, options] of cases) {
      const { code, said, cpuMs } = await refused(options);
      expect(said).toHaveLength(1);
      for (const word of words) expect(said[0]).toContain(word);
      expect(code).toBe(78);
      expect(cpuMs).toBeLessThan(2_000);
    }
    port.close();
  });

  it.skipIf(tmpfs === null)(
    'P6: ends with 78 where the data directory cannot be written (skipped unless root may mount)',
    async () => {
      const { code, said } = await refused({ exchange, dataDir: tmpfs?.dir ?? '' });
      expect(said).toHaveLength(1);
      for (const word of ['--data-dir', 'dataDir', 'EROFS', 'allowed']) expect(said[0]).toContain(word);
      expect(code).toBe(78);
    },
  );

  it('P10: a second one ends with 75 and changes nothing, also while the first is stopped; killed, it gives way', async () => {
    const first = await readyDaemon({ exchange, set: PULSE });
    const { dataDir } = first;
    const holder = `process ${first.child.pid} (run`;
    const running = await refused({ exchange, dataDir });
    expect(running).toMatchObject({ code: 75, said: [expect.stringContaining(holder)] });
    expect(running.cpuMs).toBeLessThan(1_000);
    first.kill('SIGSTOP');
    const before = treeHash(dataDir);
    const stopped = await refused({ exchange, dataDir });
    expect(stopped).toMatchObject({ code: 75, said: [expect.stringContaining('is in use')] });
    expect(stopped.cpuMs).toBeLessThan(1_000);
    expect(treeHash(dataDir)).toBe(before);
    first.kill('SIGCONT');
    await until('the first goes on', 10_000, () => first.isReady());
    first.kill('SIGKILL');
    await first.exited;
    const next = await readyDaemon({ exchange, set: PULSE, dataDir });
    expect(await next.stop()).toMatchObject({ code: 0 });
  });

  it('X2: killed while it is banned, it sends nothing after its restart until the ban is over', async () => {
    const banning = await startExchange('--symbols', '20');
    try {
      await banning.fault({ action: { type: 'banned', forMs: 12_000 }, count: 1 });
      const first = new DaemonProcess({ exchange: banning });
      const { until: end } = await first.line('the exchange closed its gate');
      first.kill('SIGKILL');
      await first.exited;
      const { total } = await banning.stats();
      const second = new DaemonProcess({ exchange: banning, dataDir: first.dataDir });
      await second.line('listening for HTTP');
      await sleep(Date.parse(end as string) - Date.now() - 200);
      expect((await banning.stats()).total).toBe(total);
      expect((await second.get('/readyz')).status).toBe(503);
      expect(await second.metric('exchange_gate_closed_seconds')).toBeGreaterThan(0);
      await second.ready();
      expect((await banning.stats()).total).toBeGreaterThan(total);
      expect(await banning.stats()).toMatchObject({ whileBanned: 0, overruns: 0 });
      expect(await second.stop()).toMatchObject({ code: 0 });
    } finally {
      await banning.stop();
    }
  });

  it('S7: shows its secrets nowhere: not in its log, not over HTTP, not in its files', async () => {
    const canary = 'canary+T0ken/8f3a9c55d1';
    const hook = 'canaryHook77e1b0c4a2';
    const config = join(temporaryDir(), 'my.yaml');
    writeFileSync(config, 'log:\n  level: trace\n');
    const daemon = await readyDaemon({
      exchange,
      set: [...PULSE, 'notify.sinks=[{name: hook, type: discord}]', 'cache.flushEvery=1s'],
      args: ['--config', config],
      env: {
        CANDLESCAN_NOTIFY__SINKS__HOOK__URL: `https://discord.example/api/webhooks/1/${hook}`,
      },
      token: canary,
    });
    const said: string[] = [];
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await daemon.get(path, init);
      said.push(JSON.stringify([...response.headers]), await response.text());
    };
    const routes = [
      'status',
      'cycles',
      'signals',
      'symbols',
      'analyzers',
      'openapi.json',
      'candles/BTCUSDT/1m',
      'none',
    ];
    for (const path of ['/metrics', '/healthz', '/readyz', ...routes.map((route) => `/api/v1/${route}`)]) {
      await ask(path);
      await ask(path, { headers: {} });
    }
    await ask('/api/v1/signals?cursor=nonsense');
    await ask('/api/v1/reload', { method: 'POST', headers: { authorization: `Bearer ${canary}x` } });
    writeFileSync(config, `server:\n  token: ${canary}\n`);
    await ask('/api/v1/reload', { method: 'POST' });
    await sleep(1_500);
    await daemon.stop();
    const files = readdirSync(daemon.dataDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    const written = files.map(({ parentPath, name }) => name + readFileSync(join(parentPath, name), 'latin1'));
    expect(files.length).toBeGreaterThan(2);
    expect(said.length).toBeGreaterThan(40);
    for (const secret of [canary, hook]) {
      const base64 = Buffer.from(secret).toString('base64').replaceAll('=', '');
      for (const form of [secret, encodeURIComponent(secret), base64]) {
        for (const [where, texts] of Object.entries({ log: daemon.lines, said, written })) {
          expect(
            texts.filter((text) => text.includes(form)),
            `${form} in ${where}`,
          ).toEqual([]);
        }
      }
    }
  });
});
