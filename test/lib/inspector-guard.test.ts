import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { guardInspector, type InspectorAttempt, inspectorFlags } from '../../src/lib/inspector-guard.js';
import { FakeClock } from '../support/fake-clock.js';

const SOURCES = new URL('../../build/', import.meta.url);
const PROCESS = fileURLToPath(new URL('../support/inspector-process.mjs', import.meta.url));
const compiled = existsSync(new URL('lib/inspector-guard.js', SOURCES));

/** A made-up process, with an inspector that listens or not. */
function guarded(execArgv: readonly string[], nodeOptions: string | undefined, url?: string) {
  const attempts: InspectorAttempt[] = [];
  const inspector = {
    open: url,
    url: () => inspector.open,
    close: () => {
      inspector.open = undefined;
    },
  };
  const process = Object.assign(new EventEmitter(), { execArgv });
  const clock = new FakeClock();
  const stop = guardInspector({
    process,
    inspector,
    clock,
    nodeOptions,
    onAttempt: (attempt) => attempts.push(attempt),
  });
  return { attempts, clock, inspector, process, stop };
}

describe('guardInspector', () => {
  it('S13: takes SIGUSR1 and reports every one', () => {
    const { attempts, process } = guarded([], undefined);
    expect(attempts).toEqual([]);
    process.emit('SIGUSR1');
    process.emit('SIGUSR1');
    expect(attempts).toEqual([{ how: 'signal' }, { how: 'signal' }]);
  });

  it('S13: closes an inspector that is open, and says whether a flag opened it', () => {
    const byFlag = guarded(['--inspect=0.0.0.0:9229'], undefined, 'ws://0.0.0.0:9229/x');
    expect(byFlag.attempts).toEqual([{ how: 'flag', flags: ['--inspect=0.0.0.0:9229'], wasOpen: true }]);
    expect(byFlag.inspector.url()).toBeUndefined();
    const bySignal = guarded([], '--max-old-space-size=96', 'ws://127.0.0.1:9229/x');
    expect(bySignal.attempts).toEqual([{ how: 'open' }]);
    expect(bySignal.inspector.url()).toBeUndefined();
  });

  it('S13: reports a flag though the inspector did not open, since other processes inherit it', () => {
    expect(guarded([], '--inspect').attempts).toEqual([{ how: 'flag', flags: ['--inspect'], wasOpen: false }]);
  });

  it('S13: closes an inspector that opens later, within a second, until it is stopped', async () => {
    const { attempts, clock, inspector, process, stop } = guarded([], undefined);
    await clock.advance(60_000);
    inspector.open = 'ws://127.0.0.1:9229/x';
    await clock.advance(1_000);
    expect([inspector.url(), attempts]).toEqual([undefined, [{ how: 'open' }]]);
    stop();
    stop();
    expect([clock.pendingTimers, process.listenerCount('SIGUSR1')]).toEqual([0, 1]);
  });

  it('guards where Node has no inspector', () => {
    const process = Object.assign(new EventEmitter(), { execArgv: [] });
    const clock = new FakeClock();
    guardInspector({ process, inspector: null, clock, nodeOptions: undefined, onAttempt: () => {} });
    expect([process.listenerCount('SIGUSR1'), clock.pendingTimers]).toEqual([1, 0]);
  });
});

describe('inspectorFlags', () => {
  it.each([
    [[], undefined, []],
    [['--inspect', '--enable-source-maps'], '', ['--inspect']],
    [[], ' --inspect-brk=9229  --inspect_wait ', ['--inspect-brk=9229', '--inspect_wait']],
    [['--inspect-wait'], '"--inspect=127.0.0.1:0"', ['--inspect-wait', '--inspect=127.0.0.1:0']],
    [['--inspect-port=9300'], '--require "./a --inspect.js" --inspector', []],
  ])('of %j and NODE_OPTIONS %j are %j', (execArgv, nodeOptions, flags) => {
    expect(inspectorFlags(execArgv, nodeOptions)).toEqual(flags);
  });
});

describe.skipIf(!compiled)('a process of its own (skipped unless the sources are compiled)', () => {
  let child: ChildProcess | undefined;
  afterEach(async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  async function start(args: readonly string[], env: Record<string, string> = {}) {
    const started = spawn(process.execPath, [...args, PROCESS, SOURCES.href], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child = started;
    let stderr = '';
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
    /** Times the guard found the inspector open, which comes when it comes. */
    const opens: unknown[] = [];
    const answer = async (): Promise<unknown> => {
      const { value } = (await lines.next()) as IteratorResult<string, undefined>;
      if (value === undefined) expect.fail(`the process ended: ${stderr}`);
      if (value !== '{"attempt":{"how":"open"}}') return JSON.parse(value);
      opens.push(value);
      return answer();
    };
    const ask = (word: string) => {
      started.stdin.write(`${word}\n`);
      return answer();
    };
    expect(await answer()).toBe('ready');
    return { child: started, answer, ask, opens, stderr: () => stderr };
  }

  /** Until the inspector listens, which takes a thread of its own. */
  async function opened(ask: (word: string) => Promise<unknown>): Promise<string> {
    for (;;) {
      const { url } = (await ask('url')) as { url: string | null };
      if (url !== null) return url;
      await delay(10);
    }
  }

  /** Until nothing listens there: Node may answer the signal once more after the guard closed what it opened. */
  async function refused(url: string): Promise<void> {
    for (;;) {
      const [error] = (await once(new WebSocket(url), 'error')) as [NodeJS.ErrnoException];
      if (error.code === 'ECONNREFUSED') return;
      await delay(10);
    }
  }

  it('S13: opens its inspector on SIGUSR1 without the guard, has it closed by the guard, and keeps it closed', async () => {
    const { child, answer, ask, opens } = await start(['--inspect-port=0']);
    child.kill('SIGUSR1');
    const url = await opened(ask);
    expect(await ask('guard')).toBe('guarded');
    expect(opens).toHaveLength(1);
    await refused(url);
    child.kill('SIGUSR1');
    expect(await answer()).toEqual({ attempt: { how: 'signal' } });
    await delay(100);
    expect(await ask('url')).toEqual({ url: null });
    await refused(url);
  });

  it('S13: throws out a debugger that is attached because of NODE_OPTIONS', async () => {
    const { answer, ask, stderr } = await start([], { NODE_OPTIONS: '--inspect=127.0.0.1:0' });
    const debuggerSocket = new WebSocket(await opened(ask));
    await once(debuggerSocket, 'open');
    const closed = once(debuggerSocket, 'close');
    const flags = ['--inspect=127.0.0.1:0'];
    expect(await ask('guard')).toEqual({ attempt: { how: 'flag', flags, wasOpen: true } });
    expect(await answer()).toBe('guarded');
    await closed;
    expect(await ask('url')).toEqual({ url: null });
    expect(stderr()).toContain('Debugger listening');
  });
});
