import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { LineSink } from '../../src/lib/log-sink.js';
import { FakeClock, settled } from '../support/fake-clock.js';

function rig(stream: Writable, maxWaitingBytes = 100) {
  const clock = new FakeClock();
  const resumed: number[] = [];
  const sink = new LineSink({
    stream,
    clock,
    maxWaitingBytes,
    closeMs: 500,
    onResumed: (count) => resumed.push(count),
  });
  return { clock, sink, resumed };
}

/** Takes nothing until it is read. */
const pipe = () => new PassThrough({ highWaterMark: 1 });

describe('LineSink', () => {
  it('drops and counts lines beyond what may wait, and says how many once there is room', async () => {
    const stream = pipe();
    const { sink, resumed } = rig(stream);
    for (let line = 0; line < 30; line++) sink.write(`line ${line}...\n`.padEnd(20, '.'));
    const { dropped } = sink.stats();
    expect(dropped).toBeGreaterThan(20);
    expect(stream.writableLength).toBeLessThan(200);
    expect(resumed).toEqual([]);
    stream.resume();
    await settled();
    sink.write('again\n');
    expect(resumed).toEqual([dropped]);
    sink.write('again\n');
    expect(resumed).toEqual([dropped]);
    await sink.close();
  });

  it('P9: survives a stream that reports errors, counts them, and writes again when it takes lines again', async () => {
    const taken: unknown[] = [];
    let ill = true;
    const stream = new PassThrough();
    // As process.stderr, which other than most streams goes on after an error.
    stream.write = (line: unknown, ...rest: unknown[]) => {
      if (ill) process.nextTick(() => stream.emit('error', new Error('no space left')));
      else taken.push(line);
      process.nextTick(rest.at(-1) as () => void);
      return !ill;
    };
    const { sink } = rig(stream);
    sink.write('a\n');
    await settled();
    ill = false;
    sink.write('b\n');
    await settled();
    expect([taken, sink.stats().failed]).toEqual([['b\n'], 1]);
    await sink.close();
  });

  it('P9: survives a stream that throws and one that was ended', async () => {
    const throwing = new Writable();
    throwing.write = () => {
      throw new Error('no');
    };
    const first = rig(throwing).sink;
    first.write('a\n');
    expect(first.stats().failed).toBe(1);
    const ended = new PassThrough();
    ended.end();
    const second = rig(ended).sink;
    second.write('a\n');
    await settled();
    expect(second.stats().failed).toBe(1);
    await Promise.all([first.close(), second.close()]);
  });

  it('waits at its close until everything is taken, and leaves no listener or timer', async () => {
    const stream = pipe();
    const { clock, sink } = rig(stream);
    sink.write('a\n');
    sink.write('b\n');
    let closed = false;
    const closing = sink.close().then(() => (closed = true));
    await settled();
    expect(closed).toBe(false);
    const text: string[] = [];
    stream.on('data', (chunk) => text.push(String(chunk)));
    await Promise.all([closing, sink.close()]);
    expect(text.join('')).toBe('a\nb\n');
    expect([stream.listenerCount('error'), clock.pendingTimers]).toEqual([0, 0]);
  });

  it('waits no longer than it may for a reader, and then still listens for what fails later', async () => {
    const stream = pipe();
    const { clock, sink } = rig(stream);
    sink.write('a\n');
    sink.write('b\n');
    const closing = sink.close();
    await clock.advance(500);
    await closing;
    expect(clock.pendingTimers).toBe(0);
    stream.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    await settled();
    expect(sink.stats().failed).toBe(1);
  });
});
