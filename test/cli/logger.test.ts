import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../src/cli/logger.js';
import { loadConfig } from '../../src/config/load.js';
import type { LogLevel } from '../../src/lib/log.js';
import { Secret } from '../../src/lib/secret.js';
import { FakeClock, settled } from '../support/fake-clock.js';

type Line = Record<string, unknown>;

async function rig(level: LogLevel = 'info', options: LoggerOptions = {}, isTTY = false) {
  const stderr = Object.assign(new PassThrough(), { isTTY });
  const clock = new FakeClock();
  const log = await createLogger(level, { stderr: stderr as unknown as NodeJS.WriteStream }, false, {
    clock,
    ...options,
  });
  const text = () => String(stderr.read() ?? '');
  /** What was written since the last call, without what every line has. */
  const lines = (written = text()): Line[] =>
    written
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Object.entries(JSON.parse(line) as Line))
      .map((fields) => Object.fromEntries(fields.filter(([name]) => !/^(time|pid|hostname)$/.test(name))));
  return { log, clock, stderr, text, lines };
}

/** All that is written from now on, and what waits to be read. */
function collected(stream: PassThrough): () => string {
  let text = '';
  stream.on('data', (chunk) => {
    text += String(chunk);
  });
  return () => text;
}

describe('the logger', () => {
  it('writes one JSON object a line, with level, time, process, fields and message', async () => {
    const { log, text } = await rig();
    log.info({ symbols: 530 }, 'planned the scan');
    log.error('no\nfields');
    const [first, second, rest] = text().split('\n');
    expect(JSON.parse(first ?? '')).toEqual({
      level: 30,
      time: expect.any(Number),
      pid: process.pid,
      hostname: expect.any(String),
      symbols: 530,
      msg: 'planned the scan',
    });
    expect(JSON.parse(second ?? '')).toMatchObject({ level: 50, msg: 'no\nfields' });
    expect(rest).toBe('');
  });

  it('writes an error with its causes, each with its code', async () => {
    const { log, lines } = await rig();
    const inner = Object.assign(new Error('inner'), { code: 'EINNER' });
    log.error({ err: new TypeError('outer', { cause: inner }) }, 'failed');
    expect(lines()).toMatchObject([
      { err: { type: 'TypeError', message: 'outer', cause: { message: 'inner', code: 'EINNER' } }, msg: 'failed' },
    ]);
  });

  it('writes readable lines on a terminal', async () => {
    const { log, text } = await rig('info', {}, true);
    log.child({ part: 'stream' }).warn({ url: 'x' }, 'reconnects');
    expect(text()).toMatch(/^\[\d\d:\d\d:\d\d\] WARN: reconnects\n {4}part: "stream"\n {4}url: "x"\n$/);
  });

  it('writes from its level on, which can be changed for all its children at once', async () => {
    const { log, lines } = await rig('warn');
    const child = log.child({ part: 'stream' }).child({ shard: 3 });
    const all = () => {
      for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) child[level]({}, level);
      return lines().map(({ msg }) => msg);
    };
    expect(all()).toEqual(['warn', 'error', 'fatal']);
    log.setLevel('trace');
    expect([log.level, all()]).toEqual(['trace', ['trace', 'debug', 'info', 'warn', 'error', 'fatal']]);
    log.setLevel('silent');
    expect(all()).toEqual([]);
  });

  it('refuses a level that is none', async () => {
    const { log } = await rig();
    expect(() => log.setLevel('loud' as LogLevel)).toThrow('log level: found loud, allowed trace debug info');
    await expect(rig('loud' as LogLevel)).rejects.toThrow('found loud');
    expect(log.level).toBe('info');
  });

  it('gives the lines of a child its fields and those of its parents', async () => {
    const { log, lines } = await rig();
    log.child({ part: 'stream', shard: 1 }).child({ shard: 2 }).info('opened');
    expect(lines()).toEqual([{ level: 30, part: 'stream', shard: 2, msg: 'opened' }]);
  });

  it('P9: never throws, whatever it is given, and writes what can be written', async () => {
    const { log, lines } = await rig('trace', { fold: {} });
    const trap = () => {
      throw new Error('trap');
    };
    const proxy = new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap, has: trap });
    const fields: unknown[] = [
      null,
      undefined,
      5,
      [],
      () => 1,
      Symbol('s'),
      new Date(0),
      proxy,
      { err: proxy },
      new Error('e'),
    ];
    for (const [index, field] of fields.entries()) log.error(field as object, `message ${index}`);
    log.error({ err: 'text' }, undefined as unknown as string);
    log.child({ bad: proxy }).fatal(proxy, 'from a child');
    expect(lines().map(({ msg }) => msg)).toEqual([
      ...fields.map((_, index) => `message ${index}`),
      '',
      'from a child',
    ]);
    expect(log.stats()).toMatchObject({ dropped: 0, failed: 0 });
    await log.close();
  });

  it('P9: goes on when nobody reads, and says afterwards how many lines were dropped', async () => {
    const { log, stderr, lines } = await rig();
    const text = 'x'.repeat(2_000);
    for (let count = 0; count < 2_000; count++) log.info({ count, text }, 'flood');
    const { dropped } = log.stats();
    expect(dropped).toBeGreaterThan(1_000);
    expect(stderr.readableLength + stderr.writableLength).toBeLessThan(2 ** 21);
    const taken = collected(stderr);
    await settled();
    log.info('again');
    await settled();
    expect(lines(taken()).slice(-2)).toEqual([
      { level: 40, dropped, msg: 'log lines were dropped because nobody read them' },
      { level: 30, msg: 'again' },
    ]);
  });
});

describe('repeated errors', () => {
  const refused = () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

  it('are written once, then once a minute with how many there were, and what is left at the close', async () => {
    const { log, clock, lines } = await rig('info', { fold: {} });
    const stream = log.child({ part: 'stream' });
    for (let second = 0; second < 90; second++) {
      stream.error({ err: refused(), second }, 'cannot connect');
      await clock.advance(1_000);
    }
    const shown = () => lines().map(({ second, repeated, part, msg }) => ({ second, repeated, part, msg }));
    const line = { part: 'stream', msg: 'cannot connect' };
    expect(shown()).toEqual([
      { ...line, second: 0, repeated: undefined },
      { ...line, second: 1, repeated: 59 },
    ]);
    await log.close();
    expect(shown()).toEqual([{ ...line, second: 60, repeated: 30 }]);
    expect([log.stats().folded, clock.pendingTimers]).toEqual([89, 0]);
  });

  it('are those of one level, part, message and error code', async () => {
    const { log, lines } = await rig('info', { fold: {} });
    const a = log.child({ part: 'a' });
    for (let round = 0; round < 3; round++) {
      a.error({ err: refused() }, 'x');
      a.error({ err: new TypeError('t') }, 'x');
      a.error({ code: 418 }, 'x');
      a.error({ err: refused() }, 'y');
      a.warn({ err: refused() }, 'x');
      log.child({ part: 'b' }).error({ err: refused() }, 'x');
      a.child({ shard: round }).error({ err: refused() }, 'x');
    }
    expect(lines()).toHaveLength(6);
    await log.close();
    expect(lines().map(({ repeated }) => repeated)).toEqual([5, 2, 2, 2, 2, 2]);
  });

  it('are all written before a fatal one, which is never folded, nor is what is no warning', async () => {
    const { log, lines } = await rig('trace', { fold: {} });
    for (let count = 0; count < 3; count++) log.error('lost');
    for (let count = 0; count < 2; count++) log.fatal('dies');
    for (let count = 0; count < 2; count++) log.info('fine');
    const shown = lines().map(({ msg, repeated }) => (repeated === undefined ? msg : [msg, repeated]));
    expect(shown).toEqual(['lost', ['lost', 2], 'dies', 'dies', 'fine', 'fine']);
    await log.close();
  });

  it('are all written when it is asked for, before what is logged next, and counted on from there', async () => {
    const { log, lines } = await rig('info', { fold: {} });
    for (let count = 0; count < 3; count++) log.warn('slow');
    log.writeRepeated();
    log.info('stopped');
    log.warn('slow');
    const shown = () => lines().map(({ msg, repeated }) => (repeated === undefined ? msg : [msg, repeated]));
    expect(shown()).toEqual(['slow', ['slow', 2], 'stopped']);
    await log.close();
    expect(shown()).toEqual([['slow', 1]]);
  });

  it('are all written without folding, and no timer is set', async () => {
    const { log, clock, lines } = await rig();
    for (let count = 0; count < 3; count++) log.error('lost');
    expect([lines().length, clock.pendingTimers]).toEqual([3, 0]);
  });

  it('show what was true when they happened, though it has changed since', async () => {
    const { log, lines } = await rig('info', { fold: {} });
    const state = { open: 1 };
    log.warn(state, 'slow');
    log.warn(state, 'slow');
    state.open = 2;
    await log.close();
    expect(lines().map(({ open }) => open)).toEqual([1, 1]);
  });
});

describe('S7: secrets in logs', () => {
  const CANARY = 'canary/7f3a9c+x=';
  const env = {
    CANDLESCAN_SERVER__TOKEN: CANARY,
    CANDLESCAN_NOTIFY__SINKS: JSON.stringify([
      {
        name: 'hook',
        type: 'webhook',
        url: `https://user:pw-${encodeURIComponent(CANARY)}@127.0.0.1/?key=${encodeURIComponent(CANARY)}`,
      },
      { name: 'team', type: 'slack', url: `https://hooks.slack.com/services/T01/${encodeURIComponent(CANARY)}` },
      { name: 'chat', type: 'telegram', token: `12345:${CANARY}`, chatId: 1 },
    ]),
  };
  const basic = Buffer.from(`user:${CANARY}`).toString('base64');
  const FORMS = [
    CANARY,
    encodeURIComponent(CANARY),
    Buffer.from(CANARY).toString('base64'),
    Buffer.from(CANARY).toString('base64url'),
    Buffer.from(CANARY).toString('hex'),
    basic,
    'canary',
    'Y2FuYXJ5',
  ];

  /** An error as an HTTP client leaves it: the request hangs on it, the cause has the address. */
  function requestError(config: object, url: string): Error {
    const cause = Object.assign(new Error(`connect ECONNREFUSED ${url}`), {
      code: 'ECONNREFUSED',
      path: new URL(url).pathname,
    });
    return Object.assign(new TypeError(`POST ${url} failed`, { cause }), {
      url: new URL(url),
      request: {
        headers: { authorization: `Bearer ${CANARY}`, 'x-trace': CANARY },
        body: JSON.stringify({ text: CANARY }),
      },
      raw: ['authorization', `Basic ${basic}`],
      config,
      dump: Buffer.from(CANARY),
    });
  }

  it.each(['JSON lines', 'lines for a terminal'])('do not stand in %s, however they got there', async (kind) => {
    const { config } = loadConfig({ env });
    const { log, clock, stderr } = await rig('trace', { fold: {}, hide: config }, kind !== 'JSON lines');
    const text = collected(stderr);
    const secrets = config.notify.sinks.flatMap((sink) => ('url' in sink ? [sink.url.reveal()] : []));
    const says = (logger: Pick<typeof log, 'error' | 'info' | 'fatal' | 'child'>) => {
      for (const url of secrets) {
        const err = requestError(config, url);
        logger.error({ err }, 'delivery failed');
        logger.error(err, `to ${url}`);
        logger.error({ [CANARY]: { deep: [[{ url }]] }, env: process.env }, CANARY);
        logger.info({ variables: env, query: `?q=${encodeURIComponent(CANARY)}` }, 'environment');
        logger.fatal({ err: new AggregateError([err, CANARY, { token: 'other' }], url) }, 'all failed');
      }
      logger.error(`text only ${CANARY} ${basic}`);
      logger.info(`/bot12345:${CANARY}/sendMessage`);
    };
    says(log);
    says(log.child({ part: 'sink', url: secrets[0], authorization: 'x' }));
    await clock.advance(60_000);
    await log.close();
    const written = text();
    expect(written.length).toBeGreaterThan(20_000);
    expect(written).toContain('***');
    for (const form of FORMS) expect(written).not.toContain(form);
  });

  it('are hidden from the moment they are known, also in children made before', async () => {
    const { log, lines } = await rig();
    const child = log.child({ part: 'config' });
    log.hide({ server: { token: new Secret('reloaded-42') } });
    child.info({ token: null, said: 'reloaded-42' }, 'reloaded-42');
    expect(lines()).toEqual([{ level: 30, part: 'config', token: null, said: '***', msg: '***' }]);
  });
});
